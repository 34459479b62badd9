// The row of one leaf: field, operator, value, and what is to be said about them.

import { button, el, newElementId } from "./elements.js"
import { matching } from "./fields.js"
import { number, numberIn, text, writeInline } from "./json_text.js"
import { Listbox } from "./listbox.js"
import { choiceOf, choicesFor, isOrder, wordsOf } from "./operators.js"
import { asNumber, converted, isMoment, KINDS, kindOf, kindsFor, read, spelt, valueFor } from "./value_kinds.js"
import { valueEditor } from "./value_editor.js"
import { leafInWords, placeInWords, shortly } from "./words.js"

const LINES = ["text", "number", "datetime"]
const TYPES = { number: "number", text: "text", boolean: "yes or no", datetime: "date and time", list: "list", object: "object", null: "null" }

export class LeafRow {
  /** `builder` keeps the tree; `handle` and `tools` are the ends of the row, the same for leaves and groups. */
  constructor(builder, leaf, { handle, tools }) {
    this.builder = builder
    this.id = leaf.id
    this.state = builder.stateOf(leaf.id)
    this.notes = el("div", { class: "condition-leaf__notes", id: newElementId("notes") })
    this.hintId = this.notes.id
    this.field = this.fieldEditor()
    this.operator = el("select", { class: "condition-leaf__operator", "data-part": "operator", "aria-label": "Operator", change: () => this.chooseOperator() })
    this.kind = el("select", { class: "condition-leaf__kind", "data-part": "kind", "aria-label": "Kind of value", change: () => this.chooseKind() })
    this.value = el("div", { class: "condition-leaf__values" })
    this.element = el(
      "div",
      { class: "condition-leaf", role: "group", "data-node": this.id },
      handle,
      el("div", { class: "condition-leaf__parts" }, this.field, this.operator, this.value, this.kind),
      tools,
      this.notes,
    )
    this.refresh()
  }

  get leaf() {
    return this.builder.nodeOf(this.id)
  }

  /** What is known of the leaf's field. */
  get known() {
    return this.builder.fieldNamed(this.leaf.field)
  }

  get type() {
    const type = this.known?.type
    return type === "null" ? undefined : type
  }

  get samples() {
    return this.known?.samples ?? []
  }

  // --- the field

  fieldEditor() {
    const input = el("input", { type: "text", class: "condition-leaf__field", "data-part": "field", "aria-label": "Field", placeholder: "Field", spellcheck: "false", autocapitalize: "off" })
    input.value = this.leaf.field
    this.fieldShown = input.value
    const box = el("div", { class: "combobox condition-leaf__field-box" }, input)
    this.isSearching = false
    this.isAsking = false
    this.fieldList = new Listbox(input, {
      label: "Fields",
      opensOnClick: true,
      find: () =>
        matching(this.builder.fields, this.isSearching ? input.value : "", (one) => one.name).map((one) => ({
          label: one.name,
          note: TYPES[one.type],
          detail: one.samples.slice(0, 3).map(shortly).join(", "),
        })),
      take: ({ label }) => {
        input.value = label
        this.isSearching = false
        this.isAsking = false
        this.giveField(label)
      },
    })
    input.addEventListener("focus", () => {
      this.isSearching = false
      this.isAsking = false
      this.builder.loadFields()
    })
    input.addEventListener("click", () => (this.isAsking = true))
    input.addEventListener("input", () => {
      this.isSearching = true
      this.isAsking = true
      this.giveField(input.value)
      this.fieldList.open()
    })
    return box
  }

  giveField(field) {
    if (field === this.fieldShown) return
    this.fieldShown = field
    this.builder.setLeaf(this.id, { field }, "field")
    this.refresh()
  }

  // --- the operator

  showOperators() {
    const { leaf, type } = this
    const own = choiceOf(leaf)
    const isMoment_ = type === "datetime" || this.shownKind === "datetime"
    const choices = choicesFor(leaf, type)
    const options = choices.map((choice) => {
      const words = wordsOf(choice, isMoment_)
      const name = choice.isAbsence ? "exists: false" : choice.operator
      return el("option", { value: this.nameOf(choice) }, `${words} (${name})`)
    })
    if (!own) options.unshift(el("option", { value: "" }, leaf.operator ? `${leaf.operator}: no operator` : "Choose"))
    this.operator.replaceChildren(...options)
    this.operator.value = own ? this.nameOf(own) : ""
  }

  nameOf({ operator, isAbsence }) {
    return isAbsence ? `${operator}:false` : operator
  }

  chooseOperator() {
    const [operator, absence] = this.operator.value.split(":")
    const { leaf } = this
    if (!operator || (choiceOf(leaf) && this.nameOf(choiceOf(leaf)) === this.operator.value)) return
    if (leaf.value !== undefined && leaf.operator !== "exists") this.state.before = leaf.value
    const before = leaf.operator === "exists" ? this.state.before : leaf.value
    const value = absence ? { type: "boolean", value: false } : valueFor(operator, before)
    if (!kindsFor(operator).includes(this.state.chosen)) delete this.state.chosen
    delete this.state.draft
    this.builder.setLeaf(this.id, { operator, value })
    this.refresh("operator")
  }

  // --- the value

  showKinds() {
    const kinds = kindsFor(this.leaf.operator)
    const shown = kinds.includes(this.shownKind) ? kinds : [...kinds, this.shownKind]
    this.kind.replaceChildren(...shown.map((kind) => el("option", { value: kind }, KINDS[kind])))
    this.kind.value = this.shownKind
  }

  chooseKind() {
    const kind = this.kind.value
    if (!this.shownKind || kind === this.shownKind) return
    const { leaf, state } = this
    state.chosen = kind
    state.isAuto = false
    const before = state.draft !== undefined && LINES.includes(kind) ? read(kind, state.draft) : undefined
    const value = before ?? converted(kind, leaf.value)
    if (value === undefined && leaf.value !== undefined && LINES.includes(kind)) state.draft = spelt(leaf.value)
    else delete state.draft
    this.builder.setLeaf(this.id, { value })
    this.refresh("kind")
  }

  /** A line was typed into. Of what kind it is, the field says, or the reader's own choice, or else its look. */
  typeLine(written) {
    const { leaf, state } = this
    if (state.draft === undefined && leaf.value === undefined && !state.chosen && !this.type) state.isAuto = true
    if (state.isAuto) return this.give(written === "" ? undefined : (numberIn(written) ?? text(written)), written)
    if (written === "" && this.shownKind !== "text") return this.give(undefined, "")
    if (!state.chosen) state.chosen = this.shownKind
    return this.give(read(this.shownKind, written), written)
  }

  giveSample(sample) {
    this.state.isAuto = false
    if (sample.type !== this.shownKind && this.shownKind !== "datetime") this.state.chosen = sample.type
    this.give(sample.type === "number" ? number(sample.digits) : text(sample.value), "")
    this.refresh("value")
  }

  /** The leaf's new value; undefined where `written` is none. */
  give(value, written) {
    if (value === undefined && written !== "") this.state.draft = written
    else delete this.state.draft
    this.builder.setLeaf(this.id, { value }, "value")
    const kind = this.kindNow()
    if (kind !== this.shownKind && LINES.includes(kind) && LINES.includes(this.shownKind)) {
      // The same line goes on; only what it counts as has changed.
      this.shownKind = kind
      this.showKinds()
    }
    this.showNotes()
  }

  kindNow() {
    return kindOf(this.leaf, this.state.chosen, this.type)
  }

  // --- the whole row

  /** Shows the leaf as it is now, but for the field's text. `part` gets the focus. */
  refresh(part = null) {
    this.shownKind = this.kindNow()
    this.showOperators()
    this.kind.hidden = !this.shownKind
    if (this.shownKind) this.showKinds()
    this.value.replaceChildren(...(this.shownKind ? [valueEditor(this.shownKind, this)].flat() : []))
    this.showNotes()
    if (part) this.builder.focusOn(this.id, part)
  }

  /** The fields have become known, or others: without taking a line away that somebody is typing into. */
  learn() {
    if (this.value.contains(document.activeElement)) {
      this.showOperators()
      this.showNotes()
    } else {
      this.refresh()
    }
    // Whoever asked before there was an answer gets it now.
    if (this.isAsking && this.field.contains(document.activeElement)) this.fieldList.open()
  }

  /** Problems and hints, and the label that says it all in words. */
  showNotes() {
    const { builder, leaf } = this
    const problems = builder.problemsOf(this.id)
    this.notes.replaceChildren(...problems.map(({ message, key }) => el("p", { class: "field__problem" }, this.worded(message, key))), ...this.hints())
    for (const part of ["field", "operator", "value"]) {
      const isWrong = problems.some(({ key }) => key === part)
      for (const input of this.element.querySelectorAll(`[data-part="${part}"]`)) {
        if (isWrong) input.setAttribute("aria-invalid", "true")
        else input.removeAttribute("aria-invalid")
        input.setAttribute("aria-describedby", this.notes.id)
      }
    }
    this.element.setAttribute("aria-label", `${placeInWords(builder.tree, this.id)}: ${leafInWords(leaf)}`)
    this.element.classList.toggle("condition-leaf--wrong", problems.length > 0)
  }

  worded(message, key) {
    const { draft } = this.state
    if (key !== "value" || draft === undefined) return message
    if (this.shownKind === "number") return `${JSON.stringify(draft)} is not a number. Write it like 500 or 0.8.`
    return this.shownKind === "json" ? "This is not JSON yet. Text needs double quotes." : message
  }

  hints() {
    const { leaf, type } = this
    const { value, operator } = leaf
    if (value === undefined || operator === "exists") return []
    if (operator === "in") return this.hintsOfList()
    const spelling = asNumber(value)
    const name = leaf.field || "the field"
    if (spelling && type !== "text") {
      const reason = type === "number" ? `${name} is a number in recent events, and a number is never equal to a text.` : ""
      return [this.hint(`This is the text ${writeInline(value)}. ${reason}`, `Use the number ${spelling.digits}`, number(spelling.digits), "number")]
    }
    if (value.type === "number" && type === "text") {
      const reason = `${name} is text in recent events, and a text is never equal to a number.`
      return [this.hint(`This is the number ${value.digits}. ${reason}`, `Use the text "${value.digits}"`, text(value.digits), "text")]
    }
    if (this.shownKind === "datetime" && value.type === "text" && !isMoment(value.value)) {
      return [el("p", { class: "condition-leaf__hint" }, "Compared as text. To compare moments, write it like 2026-03-10T14:30:00Z, with an offset.")]
    }
    if (isOrder(operator) && value.type === "text" && !isMoment(value.value) && value.value) {
      return [el("p", { class: "condition-leaf__hint" }, "Compared as text, letter by letter.")]
    }
    return []
  }

  hintsOfList() {
    const { leaf, type } = this
    const isOff = (item) => (type === "number" ? item.type === "text" && asNumber(item) : type === "text" && item.type === "number")
    const off = leaf.value.type === "list" ? leaf.value.items.filter(isOff) : []
    if (!off.length) return []
    const [is, never] = type === "number" ? ["a number", "a number is never equal to a text"] : ["text", "a text is never equal to a number"]
    return [el("p", { class: "condition-leaf__hint" }, `${leaf.field} is ${is} in recent events, and ${never}: ${off.map(shortly).join(", ")}.`)]
  }

  hint(words, label, value, kind) {
    const use = () => {
      this.state.chosen = kind
      this.state.isAuto = false
      this.builder.setLeaf(this.id, { value })
      this.refresh("value")
    }
    return el("p", { class: "condition-leaf__hint" }, `${words} `, button(label, { class: "button button--quiet button--small", click: use }))
  }
}
