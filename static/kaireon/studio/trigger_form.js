// The trigger form, quick: fields of the chosen action, rows, priority, and what the server says of the draft.

const form = document.querySelector("[data-trigger-form]")
const touched = new Set()
const PAUSE_MS = 350

// --- actions: the fields of the chosen type alone are shown; those of the others keep what was typed

function showAction() {
  const chosen = form.elements.action_type.value
  for (const part of form.querySelectorAll("[data-action]")) part.hidden = part.dataset.action !== chosen
}

// --- rows: headers, changes of attributes

function addRow(rows) {
  const template = rows.querySelector("[data-rows-template]")
  const row = document.importNode(template.content, true).querySelector("[data-row]")
  rows.querySelector("[data-rows-list]").append(row)
  number(rows)
  fillFields(row)
  showContent(row)
  row.querySelector("input, select").focus()
}

function removeRow(row) {
  const rows = row.closest("[data-rows]")
  const neighbour = row.nextElementSibling ?? row.previousElementSibling
  row.remove()
  number(rows)
  const next = neighbour?.querySelector("[data-row-remove]") ?? rows.querySelector("[data-rows-add]")
  next.focus()
  changed()
}

/** The server names rows by their places. A row that has moved has its problems told anew. */
function number(rows) {
  for (const [place, row] of rows.querySelectorAll("[data-row]").entries()) {
    const input = row.querySelector("[data-row-first]")
    const id = `${rows.dataset.rows}-${place}`
    if (input.id === id) continue
    tell(input, "")
    touched.delete(input.id)
    input.id = id
  }
}

/** A field that is removed takes no value. */
function showContent(row) {
  const way = row.querySelector("[data-row-way]")
  if (way) row.querySelector("[data-row-content]").closest(".rows__cell").classList.toggle("rows__cell--off", way.value === "remove")
}

// --- schemas: their fields to choose from

const fieldsBySchema = JSON.parse(document.getElementById("fields-by-schema")?.textContent ?? "{}")
const schema = form.elements["update_attribute-schema"]

function fillFields(area) {
  const types = fieldsBySchema[schema.value] ?? {}
  for (const select of area.querySelectorAll("[data-schema-field]")) {
    const current = select.value
    const options = Object.entries(types).map(([name, type]) => new Option(`${name} · ${type}`, name))
    if (current && !(current in types)) options.push(new Option(`${current} (not in this schema)`, current))
    select.replaceChildren(new Option("Choose a field", ""), ...options)
    select.value = current
  }
}

// --- priority

const bands = JSON.parse(document.getElementById("priority-bands").textContent)
const slider = form.querySelector("[data-priority-slider]")
const band = form.querySelector("[data-priority-band]")

function showPriority() {
  const priority = Number(form.elements.priority.value)
  slider.value = String(priority)
  band.value = bands.find(([lowest]) => priority >= lowest)?.[1] ?? "None"
  band.dataset.band = band.value.toLowerCase()
}

// --- the draft: asked for a moment after the last change

let timer = 0
let isAsked = false
let isPressed = false

function changed() {
  form.dataset.isChanged = ""
  askSoon()
}

function askSoon() {
  isAsked = true
  clearTimeout(timer)
  timer = setTimeout(ask, PAUSE_MS)
}

/** What comes back moves things on the page: never between the press and the release of a button, or it would miss. */
function ask() {
  if (isPressed) timer = setTimeout(ask, PAUSE_MS)
  else form.dispatchEvent(new CustomEvent("draft"))
}

for (const name of ["pointerdown", "pointerup", "pointercancel"]) {
  addEventListener(name, () => (isPressed = name === "pointerdown"), { capture: true })
}

/** Problems are shown at fields that somebody has left; those that were never filled in can wait. */
function showProblems() {
  const told = new Map()
  for (const item of document.querySelectorAll("#draft-problems > [data-for]")) {
    if (!told.has(item.dataset.for)) told.set(item.dataset.for, item.textContent)
  }
  for (const id of touched) {
    const input = document.getElementById(id)
    if (input && !input.closest("condition-builder")) tell(input, told.get(id) ?? "")
  }
}

function tell(input, text) {
  const place = input.closest("[data-row]") ?? input.closest(".field")
  if (!place) return
  const errorId = `${input.id}_error`
  const known = [...place.querySelectorAll(":scope .field__problem")].filter((one) => one.id === errorId)
  if (!text) {
    for (const one of known) one.remove()
    input.removeAttribute("aria-invalid")
    describe(input, errorId, false)
    return
  }
  const problem = known[0] ?? document.createElement("p")
  for (const one of known.slice(1)) one.remove()
  if (!known.length) {
    problem.id = errorId
    problem.className = `field__problem${place.matches("[data-row]") ? " rows__problem" : ""}`
    place.append(problem)
  }
  if (problem.textContent !== text) problem.textContent = text
  input.setAttribute("aria-invalid", "true")
  describe(input, errorId, true)
}

function describe(input, id, isThere) {
  const ids = new Set((input.getAttribute("aria-describedby") ?? "").split(/\s+/).filter(Boolean))
  if (isThere) ids.add(id)
  else ids.delete(id)
  if (ids.size) input.setAttribute("aria-describedby", [...ids].join(" "))
  else input.removeAttribute("aria-describedby")
}

// --- what people do

form.addEventListener("input", ({ target }) => {
  if (target === slider) {
    form.elements.priority.value = slider.value
    touched.add("id_priority")
  }
  // Who types an amount wants a limit; hours are what most choose.
  const unit = form.elements.cooldown_unit
  if (target.name === "cooldown_amount" && target.value && unit.value === "none") unit.value = "hours"
  if (target.name === "priority" || target === slider) showPriority()
  if (target.matches("[data-event-text]")) form.querySelector("[data-event-is-typed]").value = "1"
  changed()
})

form.addEventListener("change", ({ target }) => {
  if (target.name === "action_type") showAction()
  if (target.name === "cooldown_unit" && target.value === "none") form.elements.cooldown_amount.value = ""
  if (target === schema) fillFields(form)
  if (target.matches("[data-row-way]")) showContent(target.closest("[data-row]"))
  changed()
})

form.addEventListener("focusout", ({ target, relatedTarget }) => {
  const row = target.closest("[data-row]")
  if (!target.name || row?.contains(relatedTarget)) return
  const { id } = row?.querySelector("[data-row-first]") ?? target
  if (!id || touched.has(id)) return
  touched.add(id)
  // What the last draft said may be out of date by now; the next one is on its way, or asked for here.
  if (!isAsked) askSoon()
})

form.addEventListener("click", (event) => {
  const add = event.target.closest("[data-rows-add]")
  if (add) {
    event.preventDefault()
    addRow(add.closest("[data-rows]"))
  }
  const remove = event.target.closest("[data-row-remove]")
  if (remove) removeRow(remove.closest("[data-row]"))
})

// A link to a field goes into it, not only near it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-problem-link]")
  const input = link && document.getElementById(link.hash.slice(1))
  if (!input) return
  event.preventDefault()
  input.focus()
  input.scrollIntoView({ block: "center" })
})

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  // Another event was chosen: it is nobody's typing.
  if (detail.target?.matches?.("[data-event-text]")) {
    form.querySelector("[data-event-is-typed]").value = ""
    changed()
  }
})

document.getElementById("draft").addEventListener("htmx:afterRequest", ({ detail }) => {
  if (!detail.successful) return
  isAsked = false
  showProblems()
})

// --- leaving with unsaved changes asks

let isSaving = false

form.addEventListener("submit", () => {
  isSaving = true
})

addEventListener("pageshow", () => {
  isSaving = false
})

addEventListener("beforeunload", (event) => {
  if (!isSaving && "isChanged" in form.dataset) event.preventDefault()
})

// --- at first: a refused form comes back with its problems, which are told again as it changes

for (const input of form.querySelectorAll('[aria-invalid="true"][id]')) touched.add(input.id)
for (const row of form.querySelectorAll("[data-row]")) showContent(row)
showAction()
showPriority()
document.getElementById("problems")?.focus()
