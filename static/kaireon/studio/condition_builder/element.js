// <condition-builder>: a textarea with a condition as JSON, and a builder that reads and writes it.
//
// The textarea is what is submitted, and what others listen to: each change of the builder writes it and fires `input`
// and `change` at it. What is typed into it shows in the builder at once, as far as it can be shown; while it can't,
// the builder keeps the last condition that could, and nobody can change that.
//
// Attributes: fields-url (where suggestions come from), event-types-from and schema-from (ids of form fields whose
// values go along as event_type and schema), problems (the server's: [{ path, message, text }], paths within the
// condition; text is how the form shows the problem below the field).

import { makeDraggable } from "./drag.js"
import { button, el, iconButton } from "./elements.js"
import { addressOf, ask } from "./fields.js"
import { History } from "./history.js"
import { JsonProblem, locate, placeOf, readJson } from "./json_text.js"
import { JsonView } from "./json_view.js"
import { judge, tied } from "./judgement.js"
import { makeTabs } from "./tabs.js"
import * as tree from "./tree.js"
import { renderTree } from "./view.js"
import { leafInWords, placeInWords } from "./words.js"

const NO_STEP = {
  up: "It is the first already.",
  down: "It is the last already.",
  in: "There is no group beside it to move into.",
  out: "It is in the outermost group already.",
}

export class ConditionBuilder extends HTMLElement {
  static observedAttributes = ["problems"]

  #tree = null
  #rows = new Map()
  #states = new Map()
  #fresh = new Set()
  #history = new History()
  #fields = []
  #fieldsAddress = ""
  #serverProblems = []
  #problems = []
  #broken = []
  #isRendered = false
  #isWriting = false

  connectedCallback() {
    if (this.area) return
    this.area = this.querySelector("textarea")
    this.#build()
    this.#listen()
    this.#read({ isFirst: true })
    this.#receive()
    this.tabs.select(this.#broken.length ? "json" : "builder")
    this.loadFields()
  }

  attributeChangedCallback() {
    if (this.area) this.#receive()
  }

  /** What the server found: [{ path, message, text? }]. */
  set problems(found) {
    this.setAttribute("problems", JSON.stringify(found))
  }

  // --- what rows and view read

  /** The condition; null is the one that is always true. */
  get tree() {
    return this.#tree
  }

  nodeOf(id) {
    return tree.find(this.#tree, id)?.node
  }

  /** The fields that are suggested: [{ name, type, samples }]. */
  get fields() {
    return this.#fields
  }

  fieldNamed(name) {
    return this.#fields.find((field) => field.name === name)
  }

  async loadFields() {
    const url = this.getAttribute("fields-url")
    if (!url) return
    const address = addressOf(url, { event_type: this.getAttribute("event-types-from"), schema: this.getAttribute("schema-from") })
    if (address === this.#fieldsAddress) return
    this.#fieldsAddress = address
    const { fields } = await ask(address)
    if (address !== this.#fieldsAddress) return
    if (!fields.length) this.#fieldsAddress = ""
    this.#fields = fields
    for (const row of this.#rows.values()) row.learn()
  }

  /** What a row remembers of its leaf beside the leaf itself; gone when the JSON is typed anew. */
  stateOf(id) {
    if (!this.#states.has(id)) this.#states.set(id, {})
    return this.#states.get(id)
  }

  /** The problems to show at a node: { message, key }; key is field, operator, value, or "" for all of it. */
  problemsOf(id) {
    return this.#problems.filter((problem) => problem.id === id)
  }

  // --- what rows and view do

  /**
   * Another tree. `focus` is [id, part] of what gets the focus, `say` is read out, changes of the same `part` in a row
   * are one step back. Without `render` the page is left as it is: the row shows its change by itself.
   */
  change(next, { focus = null, say = "", part = "", render = true } = {}) {
    if (next === this.#tree) return
    this.#history.record(this.#tree, part)
    this.#use(next, render)
    if (focus) this.focusOn(...focus)
    if (say) this.#say(say)
  }

  setLeaf(id, parts, part = "") {
    this.change(tree.setLeaf(this.#tree, id, parts), { part: part && `${id} ${part}`, render: false })
  }

  add(groupId, key, isGroup) {
    const leaf = this.#freshLeaf()
    const node = isGroup ? tree.newGroup(key === "any" || this.#tree === null ? "all" : "any", [leaf]) : leaf
    const say = isGroup ? "Group added." : "Condition added."
    this.change(tree.add(this.#tree, node, groupId, key), { focus: [leaf.id, "field"], say })
  }

  addList(groupId) {
    const leaf = this.#freshLeaf()
    this.change(tree.addList(this.#tree, groupId, leaf), { focus: [leaf.id, "field"], say: "Condition added." })
  }

  /** The focus goes to the next one, or the one before, or to what is around. */
  remove(id) {
    const found = tree.find(this.#tree, id)
    const all = tree.siblings(found)
    const beside = all[found.index + 1] ?? all[found.index - 1]
    const words = tree.isGroup(found.node) ? "Group" : leafInWords(found.node)
    this.change(tree.remove(this.#tree, id), { say: `${words} removed.` })
    const near = [beside?.id, found.parent?.id].find((one) => one && this.nodeOf(one))
    if (near) this.focusOn(near, "remove")
    else this.#focusFirst()
  }

  duplicate(id) {
    const copy = tree.duplicate(this.#tree, id)
    this.#states.set(copy.id, { ...this.#states.get(id) })
    this.change(copy.root, { focus: [copy.id, "menu"], say: "Duplicated." })
  }

  wrap(id) {
    this.change(tree.wrap(this.#tree, id), { say: "Wrapped in a group." })
    this.focusOn(id, "menu")
  }

  unwrap(id) {
    const [first] = this.nodeOf(id).lists[0].members
    this.change(tree.unwrap(this.#tree, id), { focus: [first.id, "menu"], say: "Group unwrapped." })
  }

  step(id, direction, part) {
    const next = tree.step(this.#tree, id, direction)
    if (next) this.change(next, { focus: [id, part], say: `Moved: ${placeInWords(next, id)}.` })
    else this.#say(NO_STEP[direction])
  }

  focusOn(id, part) {
    this.#treeBox.querySelector(`[data-node="${id}"] [data-part="${part}"]`)?.focus()
  }

  // --- the parts of the page

  #treeBox = el("div", { class: "builder__tree" })
  #notice = el("div", { class: "builder__notice notice notice--bad", hidden: true })
  #rootNotes = el("div", { class: "builder__notes" })
  #status = el("p", { class: "visually-hidden", role: "status" })
  #panel = el("div", { class: "builder" }, this.#notice, this.#rootNotes, this.#treeBox)
  #undo = null
  #redo = null

  #build() {
    const place = el("div")
    this.area.before(place)
    this.#undo = iconButton("Undo", "undo-2", { class: "button button--icon", click: () => this.#goTo("undo", "Undone.") })
    this.#redo = iconButton("Redo", "redo-2", { class: "button button--icon", click: () => this.#goTo("redo", "Done again.") })
    this.json = new JsonView(this.area)
    const jsonPanel = el("div", { class: "builder__json" }, this.json.box, this.json.list)
    const panels = [
      { name: "builder", title: "Builder", panel: this.#panel },
      { name: "json", title: "JSON", panel: jsonPanel },
    ]
    this.tabs = makeTabs("How to edit the condition", panels, (name) => this.#showTab(name))
    const steps = el("div", { class: "builder__steps" }, this.#undo, this.#redo)
    place.replaceWith(el("div", { class: "builder__bar" }, this.tabs.list, steps), this.#panel, jsonPanel, this.#status)
    this.#takeLabel()
  }

  /** The label is the textarea's, which may be hidden: it names the whole, and a click on it leads to what is shown. */
  #takeLabel() {
    const label = this.querySelector("label")
    if (!label) return
    label.id ||= `${this.area.id}_label`
    this.setAttribute("role", "group")
    this.setAttribute("aria-labelledby", label.id)
    label.addEventListener("click", (event) => {
      if (this.#panel.hidden) return
      event.preventDefault()
      this.#focusFirst()
    })
  }

  #listen() {
    this.area.addEventListener("input", () => {
      if (!this.#isWriting) this.#read()
    })
    this.area.form?.addEventListener("reset", () => setTimeout(() => this.#read()))
    // The form hears of changes by the textarea alone.
    for (const name of ["input", "change"]) this.#panel.addEventListener(name, (event) => event.stopPropagation())
    this.#panel.addEventListener("keydown", (event) => this.#onKey(event))
    this.#panel.addEventListener("focusout", (event) => this.#leave(event))
    makeDraggable(this.#treeBox, (id, groupId, key, index) => {
      const next = tree.moveTo(this.#tree, id, groupId, key, index)
      if (next) this.change(next, { focus: [id, "grip"], say: `Moved: ${placeInWords(next, id)}.` })
      else this.#say("It can't be moved there.")
    })
    for (const name of ["event-types-from", "schema-from"]) {
      document.getElementById(this.getAttribute(name))?.addEventListener("change", () => this.loadFields())
    }
  }

  #onKey(event) {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault()
    if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(event.key.toLowerCase())) return
    event.preventDefault()
    if (event.shiftKey || event.key.toLowerCase() === "y") this.#goTo("redo", "Done again.")
    else this.#goTo("undo", "Undone.")
  }

  /** A new leaf is not complained of before it is left. */
  #leave({ target, relatedTarget }) {
    const row = target.closest("[data-node]")
    const id = row?.dataset.node
    if (!this.#fresh.has(id) || row.contains(relatedTarget) || !document.hasFocus() || !row.isConnected) return
    this.#fresh.delete(id)
    this.#judge()
  }

  #showTab(name) {
    this.#undo.parentElement.hidden = name !== "builder"
    if (name === "json") this.#fresh.clear()
    else if (!this.#isRendered) this.#render()
    this.#judge()
  }

  #freshLeaf() {
    const leaf = tree.newLeaf()
    this.#fresh.add(leaf.id)
    return leaf
  }

  #focusFirst() {
    this.#treeBox.querySelector("[data-part]:not(:disabled)")?.focus()
  }

  #say(words) {
    this.#status.textContent = words
  }

  // --- text and tree

  /** Takes over what the textarea holds. */
  #read({ isFirst = false } = {}) {
    const written = this.area.value
    this.#broken = []
    try {
      const json = written.trim() ? readJson(written) : tree.toJson(null)
      const { tree: found, problems } = tree.fromJson(json)
      if (problems.length) this.#broken = problems.map((problem) => ({ ...problem, at: locate(json, problem.path) }))
      else this.#take(found, isFirst)
    } catch (problem) {
      if (!(problem instanceof JsonProblem)) throw problem
      this.#broken = [{ message: problem.message, at: problem.at }]
    }
    this.#showBroken()
    this.#judge()
  }

  #take(found, isFirst) {
    if (tree.toText(found) === tree.toText(this.#tree)) return
    if (!isFirst) this.#history.record(this.#tree, "text")
    this.#tree = tree.adoptIds(this.#tree, found)
    this.#states.clear()
    this.#fresh.clear()
    this.#isRendered = false
    if (!this.#panel.hidden) this.#render()
  }

  #use(next, render) {
    this.#tree = next
    this.#write()
    if (render) this.#render()
    this.#judge()
  }

  #write() {
    this.#isWriting = true
    this.area.value = tree.toText(this.#tree)
    for (const name of ["input", "change"]) this.area.dispatchEvent(new Event(name, { bubbles: true }))
    this.#isWriting = false
  }

  #goTo(direction, words) {
    if (this.#broken.length || !this.#history[direction === "undo" ? "canUndo" : "canRedo"]) return
    const active = this.#treeBox.contains(document.activeElement) ? document.activeElement : null
    const [id, part] = [active?.closest("[data-node]")?.dataset.node, active?.dataset.part]
    this.#states.clear()
    this.#use(this.#history[direction](this.#tree), true)
    if (id && this.nodeOf(id)) this.focusOn(id, part)
    else if (active) this.#focusFirst()
    this.#say(words)
  }

  #render() {
    this.#rows.clear()
    this.#treeBox.replaceChildren(...renderTree(this, this.#rows))
    this.#isRendered = true
  }

  // --- what is wrong

  #receive() {
    const found = JSON.parse(this.getAttribute("problems") || "[]")
    this.#serverProblems = tied(found, this.#tree)
    // Without scripts they stand below the field; here they stand where they belong.
    const texts = new Set(found.map(({ text }) => text))
    for (const line of this.querySelectorAll(".field > .field__problem")) line.hidden = texts.has(line.textContent)
    this.#judge()
  }

  #judge() {
    const before = new Map([...this.#rows.keys()].map((id) => [id, JSON.stringify(this.problemsOf(id))]))
    this.#problems = judge(this.#tree, this.#serverProblems, this.#fresh)
    for (const [id, row] of this.#rows) {
      if (before.get(id) !== JSON.stringify(this.problemsOf(id))) row.showNotes()
    }
    const ofNothing = this.#problems.filter(({ id }) => id === null)
    this.#rootNotes.replaceChildren(...ofNothing.map(({ message }) => el("p", { class: "field__problem" }, message)))
    this.#undo.disabled = !this.#history.canUndo || this.#broken.length > 0
    this.#redo.disabled = !this.#history.canRedo || this.#broken.length > 0
    if (this.#panel.hidden) this.json.show(this.#atLines())
  }

  /** The problems at their lines, { line, at, message }, from the first line to the last. */
  #atLines() {
    const written = this.area.value
    const json = this.#problems.length && !this.#broken.length && written.trim() ? readJson(written) : null
    const found = this.#broken.length ? this.#broken : this.#problems.map((problem) => ({ ...problem, at: json ? locate(json, problem.path) : 0 }))
    return found.map(({ at, message }) => ({ at, message, line: placeOf(written, at).line })).sort((a, b) => a.at - b.at)
  }

  /** While the JSON can't be shown, the builder says so and rests. */
  #showBroken() {
    const [first] = this.#broken
    this.#treeBox.inert = Boolean(first)
    this.#notice.hidden = !first
    if (!first) return
    const { line } = placeOf(this.area.value, first.at)
    const goThere = () => {
      this.tabs.select("json")
      this.json.goTo(first.at)
    }
    const goBack = () => {
      this.#broken = []
      this.#use(this.#tree, true)
      this.#showBroken()
      this.#focusFirst()
    }
    this.#notice.replaceChildren(
      el("p", {}, `Line ${line} of the JSON: ${first.message} Below is the condition as it was before.`),
      el(
        "div",
        { class: "row" },
        button(`Go to line ${line}`, { class: "button button--small", click: goThere }),
        button("Go back to the condition below", { class: "button button--quiet button--small", click: goBack }),
      ),
    )
  }
}

customElements.define("condition-builder", ConditionBuilder)
