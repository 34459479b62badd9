// What Liquid can read: how its names are written, and where in a text one is being typed.

const IDENTIFIER = /^[A-Za-z_][\w-]*$/
const INDEX = /^\d+$/
const BEING_TYPED = /\{\{-?\s*([\w.[\]"-]*)$/
const REST_OF_NAME = /^[\w.[\]"-]*/

/** The names to suggest, [{ name, type, samples }], out of what the page knows (see condition_builder/fields.js). */
export function liquidNames({ fields, names, secrets }) {
  const ofFields = fields.map((field) => ({ ...field, name: nameOf(field.name) })).filter(({ name }) => name)
  const others = [...names, ...secrets.map((secret) => `secret.${secret}`)]
  return [...ofFields, ...others.map((name) => ({ name, type: "", samples: [] }))]
}

/** How Liquid writes a condition's field; null for what it can't reach. */
export function nameOf(field) {
  const steps = field === "eventType" ? ["type"] : field.split(".")
  let name = steps[0] === "customer" ? "customer" : "event"
  for (const step of steps[0] === "customer" ? steps.slice(1) : steps) {
    if (INDEX.test(step)) name += `[${step}]`
    else if (IDENTIFIER.test(step)) name += `.${step}`
    else if (/["\\]/.test(step)) return null
    else name += `["${step}"]`
  }
  return name
}

/** The name that is being typed at `caret`, { typed, start, end }; null where none is. */
export function nameAt(text, caret) {
  const typed = BEING_TYPED.exec(text.slice(0, caret))?.[1]
  if (typed === undefined) return null
  return { typed, start: caret - typed.length, end: caret + REST_OF_NAME.exec(text.slice(caret))[0].length }
}

/** The text with `name` in the place of what was typed, closed by braces, and where the caret is then. */
export function completed(text, { start, end }, name) {
  const rest = text.slice(end)
  const closing = /^\s*(?:-?\}\}|\|)/.test(rest) ? "" : "}}"
  return { text: text.slice(0, start) + name + closing + rest, caret: start + name.length + closing.length }
}
