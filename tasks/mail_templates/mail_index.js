(() => {
  const form = document.getElementById("filter"), kind = document.getElementById("kind");
  const words = document.getElementById("words"), shown = document.getElementById("shown");
  const rows = [...document.querySelectorAll(".list li")].map((row) => ({
    row, kind: row.querySelector(".kind").textContent,
    text: [...row.querySelectorAll(".kind, b, small, .subject")].map((part) => part.textContent).join(" ").toLowerCase(),
  }));
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { row, kind: label, text } of rows) {
      const fits = (!kind.value || label === kind.value) && wanted.every((word) => text.includes(word));
      row.hidden = !fits;
      count += fits;
    }
    for (const month of document.querySelectorAll(".month")) {
      const left = month.querySelectorAll("li:not([hidden])").length;
      month.hidden = left === 0;
      month.querySelector("header span").textContent = left === 1 ? "1 message" : `${left} messages`;
    }
    shown.textContent = count === rows.length ? `${count} messages` : `${count} of ${rows.length} messages`;
    document.getElementById("none").hidden = count > 0 || rows.length === 0;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  apply();
})();
