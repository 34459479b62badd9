// Tabs by the tablist pattern: arrow keys, Home and End walk them, and what they come to is shown.

import { el, newElementId } from "./elements.js"

/** A tablist for `panels` ([{ name, title, panel }]); `shown(name)` is told when another one is shown. */
export function makeTabs(label, panels, shown) {
  const tabs = panels.map(({ name, title, panel }) => {
    panel.id ||= newElementId("panel")
    const tab = el("button", { type: "button", role: "tab", class: "tabs__tab", id: newElementId("tab"), "aria-controls": panel.id, "data-tab": name }, title)
    panel.setAttribute("role", "tabpanel")
    panel.setAttribute("aria-labelledby", tab.id)
    tab.addEventListener("click", () => select(name))
    return tab
  })
  const list = el("div", { class: "tabs", role: "tablist", "aria-label": label }, tabs)

  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key]
    if (at === -1 || to === undefined) return
    event.preventDefault()
    const next = (to + tabs.length) % tabs.length
    select(panels[next].name)
    tabs[next].focus()
  })

  function select(name) {
    for (const [at, one] of panels.entries()) {
      const isShown = one.name === name
      one.panel.hidden = !isShown
      tabs[at].setAttribute("aria-selected", String(isShown))
      tabs[at].tabIndex = isShown ? 0 : -1
    }
    shown(name)
  }

  return { list, select }
}
