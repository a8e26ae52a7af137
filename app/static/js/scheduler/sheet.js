// The door sheet's one button.

document.querySelector("[data-print]").addEventListener("click", () => print());
