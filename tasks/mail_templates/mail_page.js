(() => {
  const frame = document.getElementById("mail");
  const fit = () => {
    const page = frame.contentDocument && frame.contentDocument.documentElement;
    if (page) {
      frame.style.height = "0";
      frame.style.height = `${page.scrollHeight + 2}px`;
    }
  };
  frame.addEventListener("load", fit);
  addEventListener("resize", fit);
  fit();
})();
