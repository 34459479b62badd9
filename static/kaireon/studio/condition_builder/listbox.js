// A list of suggestions below a text field, by the combobox pattern: the field keeps the focus, the arrow keys walk the
// list, Enter takes, Escape closes, and whoever goes on typing is never held up.

import { el, newElementId } from "./elements.js"

const MOST_SHOWN = 50

export class Listbox {
  /**
   * `find()` gives the options ({ label, note?, detail? }) for the field as it is, `take(option)` uses one. The list
   * is shown in the field's own box, or where `place(list)` puts it.
   */
  constructor(input, { label, find, take, place = null, opensOnClick = false, takesTab = false }) {
    this.input = input
    this.find = find
    this.take = take
    this.place = place ?? ((list) => input.after(list))
    this.takesTab = takesTab
    this.active = -1
    this.options = []
    this.list = el("ul", { class: "suggestions", role: "listbox", id: newElementId("list"), "aria-label": label })
    this.list.addEventListener("pointerdown", (event) => event.preventDefault())
    this.list.addEventListener("click", ({ target }) => {
      const item = target.closest("[role=option]")
      if (item) this.choose(Number(item.dataset.index))
    })
    if (input.matches("input")) {
      input.setAttribute("role", "combobox")
      input.setAttribute("aria-expanded", "false")
    } else {
      // A <textarea> may be no combobox; it stays a text field that suggests, and what scrolls must be reachable.
      this.list.tabIndex = 0
    }
    input.setAttribute("aria-autocomplete", "list")
    input.setAttribute("autocomplete", "off")
    input.addEventListener("keydown", (event) => this.onKey(event))
    input.addEventListener("blur", () => this.close())
    if (opensOnClick) input.addEventListener("click", () => this.open())
  }

  get isOpen() {
    return this.list.isConnected
  }

  /** Shows what fits; with nothing that fits, nothing. */
  open() {
    this.options = this.find().slice(0, MOST_SHOWN)
    this.active = -1
    if (!this.options.length) {
      this.close()
      return
    }
    this.list.replaceChildren(...this.options.map((option, index) => this.item(option, index)))
    this.place(this.list)
    this.input.setAttribute("aria-controls", this.list.id)
    this.input.removeAttribute("aria-activedescendant")
    this.#expanded("true")
  }

  close() {
    this.list.remove()
    this.input.removeAttribute("aria-controls")
    this.input.removeAttribute("aria-activedescendant")
    this.#expanded("false")
  }

  #expanded(state) {
    if (this.input.matches("input")) this.input.setAttribute("aria-expanded", state)
  }

  item(option, index) {
    return el(
      "li",
      { class: "suggestions__option", role: "option", id: `${this.list.id}-${index}`, "data-index": index, "aria-selected": "false" },
      el("span", { class: "suggestions__label" }, option.label),
      option.note && el("span", { class: "suggestions__note" }, option.note),
      option.detail && el("span", { class: "suggestions__detail" }, option.detail),
    )
  }

  walkTo(index) {
    const count = this.options.length
    this.active = (index + count) % count
    for (const [at, item] of [...this.list.children].entries()) item.setAttribute("aria-selected", String(at === this.active))
    const item = this.list.children[this.active]
    this.input.setAttribute("aria-activedescendant", item.id)
    item.scrollIntoView({ block: "nearest" })
  }

  choose(index) {
    const option = this.options[index]
    this.close()
    this.take(option)
  }

  onKey(event) {
    if (event.isComposing) return
    const { key } = event
    if (key === "ArrowDown" || key === "ArrowUp") {
      const isOwn = this.isOpen || (this.input.matches("input") && !event.altKey)
      if (!isOwn) return
      if (!this.isOpen) this.open()
      if (!this.isOpen) return
      const first = key === "ArrowDown" ? 0 : -1
      this.walkTo(this.active === -1 ? first : this.active + (key === "ArrowDown" ? 1 : -1))
    } else if (key === "Escape" && this.isOpen) {
      this.close()
      event.stopPropagation()
    } else if ((key === "Enter" || (key === "Tab" && this.takesTab)) && this.isOpen && this.active >= 0) {
      this.choose(this.active)
    } else {
      return
    }
    event.preventDefault()
  }
}
