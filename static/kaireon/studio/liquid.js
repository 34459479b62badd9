// Suggestions for Liquid: whoever types {{ in a field with data-liquid sees what can be read there.
//
// data-liquid is the address that knows it. data-liquid-event-types-from and data-liquid-schema-from are ids of fields
// whose values go along; data-liquid-secrets, without a value, asks for the names of secrets as well.

import { addressOf, ask, matching } from "./condition_builder/fields.js"
import { Listbox } from "./condition_builder/listbox.js"
import { shortly } from "./condition_builder/words.js"
import { completed, liquidNames, nameAt } from "./liquid_names.js"

const MEASURED = ["font", "letterSpacing", "lineHeight", "tabSize", "textIndent", "padding", "border", "boxSizing", "wordBreak", "overflowWrap"]
const GAP = 4

const known = new WeakMap()

document.addEventListener("focusin", ({ target }) => {
  if (target.matches?.("input[data-liquid], textarea[data-liquid]") && !known.has(target)) attend(target)
})

function attend(field) {
  let names = []
  let isDismissed = false
  const here = () => (field.selectionStart === field.selectionEnd ? nameAt(field.value, field.selectionStart) : null)

  const listbox = new Listbox(field, {
    label: "What Liquid can read here",
    takesTab: true,
    find: () => {
      const place = here()
      if (!place || isDismissed) return []
      return matching(names, place.typed, ({ name }) => name)
        .filter(({ name }) => name !== place.typed)
        .map(({ name, type, samples }) => ({ label: name, note: type, detail: samples.slice(0, 2).map(shortly).join(", ") }))
    },
    take: ({ label }) => {
      const place = here()
      if (!place) return
      const next = completed(field.value, place, label)
      field.value = next.text
      field.setSelectionRange(next.caret, next.caret)
      field.dispatchEvent(new Event("input", { bubbles: true }))
    },
    place: (list) => placeBelow(list, field, here()?.start ?? 0),
  })
  known.set(field, listbox)

  const load = async () => {
    const address = new URL(addressOf(field.dataset.liquid, { event_type: field.dataset.liquidEventTypesFrom, schema: field.dataset.liquidSchemaFrom }))
    if ("liquidSecrets" in field.dataset) address.searchParams.set("secrets", "1")
    names = liquidNames(await ask(address.href))
  }

  field.addEventListener("focus", load)
  field.addEventListener("input", async () => {
    if (!here()) {
      isDismissed = false
      listbox.close()
      return
    }
    await load()
    if (document.activeElement === field) listbox.open()
  })
  field.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") isDismissed = here() !== null
    if (key === "ArrowLeft" || key === "ArrowRight" || key === "Home" || key === "End") listbox.close()
  })
  field.addEventListener("scroll", () => listbox.close())
  load()
}

document.addEventListener("scroll", ({ target }) => target === document && known.get(document.activeElement)?.close(), { passive: true })

/** Puts the list below the letter at `at`, inside of the window. */
function placeBelow(list, field, at) {
  list.classList.add("suggestions--floating")
  const host = field.closest("dialog, main") ?? document.body
  if (list.parentElement !== host) host.append(list)
  const { left, bottom, top } = letterAt(field, at)
  const { width, height } = list.getBoundingClientRect()
  const isBelow = bottom + GAP + height <= innerHeight || top - GAP - height < 0
  list.style.top = `${isBelow ? bottom + GAP : top - GAP - height}px`
  list.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`
}

/** Where a letter of a field stands in the window. A copy of the field is measured, since a field tells nobody. */
function letterAt(field, at) {
  const box = field.getBoundingClientRect()
  const style = getComputedStyle(field)
  const copy = document.createElement("div")
  for (const property of MEASURED) copy.style[property] = style[property]
  const isLine = field.matches("input")
  Object.assign(copy.style, {
    position: "fixed",
    visibility: "hidden",
    top: `${box.top}px`,
    left: `${box.left}px`,
    width: `${box.width}px`,
    whiteSpace: isLine ? "pre" : "pre-wrap",
  })
  const letter = document.createElement("span")
  letter.textContent = "|"
  copy.append(field.value.slice(0, at), letter)
  document.body.append(copy)
  const found = letter.getBoundingClientRect()
  copy.remove()
  const left = Math.min(Math.max(found.left - field.scrollLeft, box.left), box.right)
  if (isLine) return { left, top: box.top, bottom: box.bottom }
  const inBox = (y) => Math.min(Math.max(y - field.scrollTop, box.top), box.bottom)
  return { left, top: inBox(found.top), bottom: inBox(found.bottom) }
}
