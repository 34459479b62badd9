// The kinds of value that a leaf can be given, which of them an operator takes, and how one becomes another.

import { boolean, list, nothing, numberIn, readJson, text, writeInline } from "./json_text.js"
import { isOrder } from "./operators.js"

export const KINDS = {
  text: "Text",
  number: "Number",
  boolean: "Yes/no",
  datetime: "Date-time",
  null: "Null",
  list: "List",
  json: "JSON",
}

const MOMENT =
  /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)$/

/** Whether a text names an instant: a date-time with an offset, as kaireon/conditions/instants.py reads it. */
export const isMoment = (written) => MOMENT.test(written)

// A line of an <input> can't hold these.
const UNTYPABLE = /[\0-\x1f\x7f]|\p{Surrogate}/u

export function kindsFor(operator) {
  if (operator === "exists") return []
  if (operator === "in") return ["list", "json"]
  const scalars = ["text", "number", "datetime"]
  return isOrder(operator) ? scalars : ["text", "number", "boolean", "datetime", "null", "json"]
}

const KIND_OF_TYPE = { number: "number", boolean: "boolean", datetime: "datetime", text: "text", list: "json", object: "json" }

/** The kind in which a leaf's value is edited. `chosen` was picked by hand, `type` is what the field usually holds. */
export function kindOf({ operator, value }, chosen, type) {
  if (operator === "exists" && (value === undefined || value.type === "boolean")) return null
  if (chosen === "json") return "json"
  if (operator === "in") return value === undefined || value.type === "list" ? "list" : "json"
  if (value === undefined) return chosen ?? (KIND_OF_TYPE[type] || (isOrder(operator) ? "number" : "text"))
  if (value.type === "text") {
    if (UNTYPABLE.test(value.value)) return "json"
    return chosen === "datetime" || (!chosen && isMoment(value.value)) ? "datetime" : "text"
  }
  return value.type in KINDS && value.type !== "list" ? value.type : "json"
}

/** What a value becomes when its leaf gets another operator: undefined where nothing of it can stay. */
export function valueFor(operator, value) {
  if (operator === "exists" || value === undefined) return undefined
  if (operator === "in") return value.type === "list" ? value : list([value])
  const single = value.type === "list" && value.items.length === 1 ? value.items[0] : value
  if (isOrder(operator) && single.type !== "number" && single.type !== "text") return undefined
  return single
}

/** How the text of an editor reads for a value. */
export const spelt = (value) => {
  if (value === undefined) return ""
  if (value.type === "number") return value.digits
  return value.type === "text" ? value.value : writeInline(value)
}

/** What a text is as a value of some kind: undefined if it is none. */
export function read(kind, written) {
  if (kind === "number") return numberIn(written) ?? undefined
  if (kind !== "json") return text(written)
  try {
    return readJson(written)
  } catch {
    return undefined
  }
}

/** The value when its kind is changed to another; undefined where it has to be given anew. */
export function converted(kind, value) {
  if (kind === "boolean") return boolean(!(value?.type === "text" && /^(false|no|0)$/i.test(value.value)))
  if (kind === "null") return nothing()
  if (kind === "list") return value === undefined || value.type === "list" ? value : list([value])
  if (kind === "json" || value === undefined) return value
  const isSimple = value.type === "text" || value.type === "number" || value.type === "boolean"
  return isSimple ? read(kind, spelt(value)) : undefined
}

/** The same as a number, for a text that spells one; else null. */
export const asNumber = (value) => (value.type === "text" ? numberIn(value.value) : null)
