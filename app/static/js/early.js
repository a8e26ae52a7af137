// Classic script in <head>, before the first paint: the remembered appearance; and whatever
// is clicked or sent before the modules have run is kept and repeated once they have.
(function () {
  try {
    var asked = new URLSearchParams(location.search);
    // A frame looks as the page around it says, whatever is remembered here.
    var theme = asked.get("embed") === "1" ? asked.get("theme") : localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (error) {
    // Storage may be forbidden; then the system's preference stands.
  }

  var held = null;

  function hold(event) {
    if (!(event.target instanceof Element)) return;
    if (event.type === "submit") {
      if (!event.target.matches("[data-script]")) return;
      event.preventDefault();
      held = event;
    } else if (event.target.closest("button[type=button]:not([popovertarget])")) held = event;
  }

  document.addEventListener("click", hold, true);
  document.addEventListener("submit", hold, true);
  // Modules run before this event.
  document.addEventListener("DOMContentLoaded", function () {
    document.removeEventListener("click", hold, true);
    document.removeEventListener("submit", hold, true);
    if (!held || !held.target.isConnected) return;
    if (held.type === "submit") held.target.requestSubmit(held.submitter);
    else held.target.closest("button").click();
  });
})();
