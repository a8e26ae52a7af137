// Classic script in <head>: sets the remembered appearance before the first paint.
(function () {
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) {
    // Storage may be forbidden; then the system's preference stands.
  }
  document.documentElement.classList.add("js");
})();
