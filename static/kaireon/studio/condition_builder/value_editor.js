// The part of a leaf's row where its value is given, by the kind of value.

import { el, iconButton } from "./elements.js"
import { matching } from "./fields.js"
import { boolean, list, number, numberIn, text, writeInline } from "./json_text.js"
import { Listbox } from "./listbox.js"
import { asNumber, isMoment, read, spelt } from "./value_kinds.js"

const MOST_ROWS = 6

/**
 * The editor for a kind. `row` has leaf, state ({ draft }), type and samples of the field, and gets what is typed:
 * `row.give(value, written)`, where undefined means that `written` is none (yet).
 */
export function valueEditor(kind, row) {
  if (kind === "boolean") return booleanEditor(row)
  if (kind === "null") return el("p", { class: "condition-leaf__fixed" }, "null, also where the field is missing")
  if (kind === "list") return listEditor(row)
  return kind === "json" ? jsonEditor(row) : lineEditor(kind, row)
}

const shownIn = (row) => row.state.draft ?? spelt(row.leaf.value)

// --- text, numbers, moments: one line

function lineEditor(kind, row) {
  const input = el("input", {
    type: "text",
    class: "condition-leaf__value",
    "data-part": "value",
    "aria-label": "Value",
    inputmode: kind === "number" ? "decimal" : null,
    placeholder: kind === "datetime" ? "2026-03-10T14:30:00Z" : null,
    spellcheck: "false",
    autocapitalize: "off",
  })
  input.value = shownIn(row)
  const box = el("div", { class: "combobox" }, input)
  const samples = new Listbox(input, {
    label: "Values of recent events",
    opensOnClick: true,
    find: () =>
      matching(row.samples, row.state.isUntouched ? "" : input.value, spelt)
        .filter((sample) => sample.type === "text" || sample.type === "number")
        .map((sample) => ({ label: spelt(sample), note: sample.type === "number" ? "number" : "text", sample })),
    take: ({ sample }) => {
      input.value = spelt(sample)
      row.giveSample(sample)
    },
  })
  input.addEventListener("focus", () => (row.state.isUntouched = true))
  input.addEventListener("input", () => {
    row.state.isUntouched = false
    row.typeLine(input.value)
    if (row.samples.length) samples.open()
  })
  return kind === "datetime" ? [box, momentPicker(input, row)] : box
}

function momentPicker(input, row) {
  const picker = el("input", { type: "datetime-local", class: "condition-leaf__picker", "data-part": "picker", "aria-label": "Pick date and time, in UTC", title: "Pick date and time, in UTC" })
  if (isMoment(input.value) && input.value.endsWith("Z")) picker.value = input.value.slice(0, 16)
  picker.addEventListener("change", () => {
    if (!picker.value) return
    input.value = `${picker.value.length === 16 ? `${picker.value}:00` : picker.value}Z`
    row.typeLine(input.value)
  })
  return picker
}

// --- yes or no

function booleanEditor(row) {
  const select = el("select", { class: "condition-leaf__value", "data-part": "value", "aria-label": "Value" })
  if (row.leaf.value === undefined) select.append(el("option", { value: "" }, "Choose"))
  select.append(el("option", { value: "true" }, "yes (true)"), el("option", { value: "false" }, "no (false)"))
  select.value = row.leaf.value === undefined ? "" : String(row.leaf.value.value)
  select.addEventListener("change", () => row.give(select.value ? boolean(select.value === "true") : undefined, ""))
  return select
}

// --- anything, as JSON

function jsonEditor(row) {
  const area = el("textarea", {
    class: "condition-leaf__value mono",
    "data-part": "value",
    "aria-label": "Value as JSON",
    spellcheck: "false",
    autocapitalize: "off",
    rows: 1,
  })
  const grow = () => (area.rows = Math.min(MOST_ROWS, area.value.split("\n").length))
  area.value = row.state.draft ?? (row.leaf.value === undefined ? "" : writeInline(row.leaf.value))
  grow()
  area.addEventListener("input", () => {
    grow()
    row.give(read("json", area.value), area.value)
  })
  return area
}

// --- a list, as chips

function listEditor(row) {
  const items = row.leaf.value?.items ?? []
  const give = (next, part) => {
    row.give(list(next), "")
    row.refresh(part)
  }
  const chips = items.map((item, index) => chip(item, index, items, give))
  const input = el("input", {
    type: "text",
    class: "chips__input",
    "data-part": "value",
    "aria-label": "Add a value to the list",
    "aria-describedby": row.hintId,
    placeholder: items.length ? "Another" : "Value, then Enter",
    spellcheck: "false",
    autocapitalize: "off",
  })
  const typed = (written) => newItem(written, items, row.type)
  const commit = (part) => {
    const written = input.value
    if (written === "") return
    input.value = ""
    give([...items, typed(written)], part)
  }
  const samples = new Listbox(input, {
    label: "Values of recent events",
    opensOnClick: true,
    find: () =>
      matching(row.samples, input.value, spelt)
        .filter((sample) => !items.some((item) => writeInline(item) === writeInline(sample)))
        .map((sample) => ({ label: spelt(sample), note: sample.type, sample })),
    take: ({ sample }) => {
      input.value = ""
      give([...items, bare(sample)], "value")
    },
  })
  input.addEventListener("input", () => row.samples.length && samples.open())
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return
    if (event.key === "Enter" && !event.defaultPrevented) {
      event.preventDefault()
      commit("value")
    } else if (event.key === "Backspace" && input.value === "" && items.length) {
      event.preventDefault()
      give(items.slice(0, -1), "value")
    }
  })
  input.addEventListener("paste", (event) => {
    const lines = event.clipboardData.getData("text").split(/\r?\n/).filter(Boolean)
    if (lines.length < 2) return
    event.preventDefault()
    give([...items, ...lines.map(typed)], "value")
  })
  // What was typed counts, also without Enter; the focus goes where it was about to go.
  input.addEventListener("blur", ({ relatedTarget }) => commit(relatedTarget?.closest(".condition-leaf__values") ? relatedTarget.dataset.part : null))
  return el("div", { class: "chips" }, chips.length > 0 && el("ul", { class: "chips__list", "aria-label": "Values" }, chips), el("div", { class: "combobox" }, input))
}

const bare = ({ at, ...value }) => value

/** A typed text as a member: a number where the field holds numbers, or where nobody knows and the others are numbers. */
function newItem(written, items, type) {
  const digits = numberIn(written)
  const wantsNumber = type === "number" || (type === undefined && items.every((item) => item.type === "number"))
  return digits && wantsNumber ? digits : text(written)
}

function chip(item, index, items, give) {
  const shown = writeInline(item)
  const other = item.type === "number" ? text(item.digits) : asNumber(item) && number(asNumber(item).digits)
  const change = (next, part) => give(items.toSpliced(index, 1, ...next), part)
  const kind = item.type === "number" ? "number" : "text"
  return el(
    "li",
    { class: `chips__chip chips__chip--${item.type}` },
    el("span", { class: "chips__text", title: shown.length > 40 ? shown : null }, shown),
    (item.type === "number" || item.type === "text") &&
      other &&
      el(
        "button",
        {
          type: "button",
          class: "chips__kind",
          "data-part": `chip-${index}-kind`,
          "aria-label": `${shown} is ${kind === "text" ? "text" : "a number"}. Make it ${kind === "text" ? "a number" : "text"}.`,
          click: () => change([other], `chip-${index}-kind`),
        },
        kind,
      ),
    iconButton(`Remove ${shown}`, "x", {
      class: "chips__remove",
      "data-part": `chip-${index}-remove`,
      click: () => change([], index < items.length - 1 ? `chip-${index}-remove` : "value"),
    }),
  )
}
