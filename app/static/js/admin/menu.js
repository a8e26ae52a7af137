// On a narrow page the menu is a strip: where one is comes into view.

const menu = document.querySelector(".office-nav");
const here = menu?.querySelector("[aria-current]");
if (here) menu.scrollLeft = here.offsetLeft - (menu.clientWidth - here.offsetWidth) / 2;
