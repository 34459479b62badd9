// The JSON tab: the form's own textarea, with line numbers, and what is wrong at which line.

import { button, el, newElementId } from "./elements.js"

const FEWEST_ROWS = 8
const MOST_ROWS = 26

export class JsonView {
  constructor(area) {
    this.area = area
    this.lines = el("div", { class: "json-editor__lines", "aria-hidden": "true" })
    this.marks = el("div", { class: "json-editor__marks", "aria-hidden": "true" })
    this.list = el("ul", { class: "json-editor__problems", id: newElementId("problems"), "aria-label": "Problems in the JSON", hidden: true })
    this.box = el("div", { class: "json-editor" }, this.lines, el("div", { class: "json-editor__pane" }, this.marks))
    area.replaceWith(this.box)
    this.box.lastChild.append(area)
    area.setAttribute("wrap", "off")
    area.classList.add("json-editor__text")
    area.setAttribute("aria-describedby", `${area.getAttribute("aria-describedby") ?? ""} ${this.list.id}`.trim())
    area.addEventListener("scroll", () => this.follow())
    this.problems = []
  }

  follow() {
    const shift = `translateY(${-this.area.scrollTop}px)`
    this.lines.style.transform = shift
    this.marks.style.transform = shift
  }

  /** Shows line numbers for the text as it is, and each problem ({ line, message, at }). */
  show(problems) {
    this.problems = problems
    const count = this.area.value.split("\n").length
    const wrong = new Set(problems.map(({ line }) => line))
    this.area.rows = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, count))
    this.lines.replaceChildren(...Array.from({ length: count }, (_, at) => el("span", { class: wrong.has(at + 1) ? "json-editor__line json-editor__line--wrong" : "json-editor__line" }, String(at + 1))))
    this.marks.replaceChildren(...Array.from({ length: count }, (_, at) => el("span", { class: wrong.has(at + 1) ? "json-editor__mark json-editor__mark--wrong" : "json-editor__mark" })))
    this.list.hidden = problems.length === 0
    this.list.replaceChildren(
      ...problems.map(({ line, message, at }) =>
        el("li", { class: "field__problem" }, button(`Line ${line}`, { class: "json-editor__goto", "aria-label": `Go to line ${line}`, click: () => this.goTo(at) }), ` ${message}`),
      ),
    )
    if (problems.length) this.area.setAttribute("aria-invalid", "true")
    else this.area.removeAttribute("aria-invalid")
    this.follow()
  }

  /** Puts the caret where the problem is, and the line into view. */
  goTo(at) {
    const { area } = this
    area.focus()
    area.setSelectionRange(at, at)
    const line = area.value.slice(0, at).split("\n").length - 1
    const height = area.scrollHeight / Math.max(1, area.value.split("\n").length)
    area.scrollTop = Math.max(0, line * height - area.clientHeight / 2)
  }
}
