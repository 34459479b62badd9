// Menus of rows: popovers, so that no table cuts them off. The browser opens and closes them; here they get their place.

const GAP = 4

document.addEventListener("toggle", ({ target, newState }) => {
  if (newState === "open" && target.matches?.(".menu__list--floating")) place(target)
}, true)

// What scrolls takes the button away from its menu.
document.addEventListener("scroll", ({ target }) => {
  const menu = document.querySelector(".menu__list--floating:popover-open")
  if (menu && !menu.contains(target)) menu.hidePopover()
}, { capture: true, passive: true })

// What was chosen is under way; the menu is in its way.
document.addEventListener("click", ({ target }) => {
  if (target.closest(".menu__item")) target.closest(".menu__list--floating")?.hidePopover()
})

function place(menu) {
  const button = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`).getBoundingClientRect()
  const { width, height } = menu.getBoundingClientRect()
  const below = button.bottom + GAP
  const top = below + height > innerHeight ? Math.max(GAP, button.top - GAP - height) : below
  menu.style.top = `${top}px`
  menu.style.left = `${Math.max(GAP, button.right - width)}px`
}
