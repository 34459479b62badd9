// What is wrong with a tree, as far as the browser can know. kaireon/conditions/grammar.py has the last word.

import { accepts, NAMES, needs } from "./operators.js"
import { isGroup, join, kindInWords, walk } from "./tree.js"

const MAX_FIELD_LENGTH = 200
const MAX_VALUE_DEPTH = 16

/** Each problem, { path, message, id } of its node, in the order of the document. */
export function check(root) {
  const problems = []
  for (const { node, path } of walk(root)) {
    const report = (key, message) => problems.push({ path: join(path, key), message, id: node.id })
    if (isGroup(node)) {
      for (const { key, members } of node.lists) {
        if (!members.length) report(key, `${key} must not be empty; add a condition or remove the group.`)
      }
      continue
    }
    const field = fieldProblem(node.field)
    if (field) report("field", field)
    if (!NAMES.includes(node.operator)) {
      const shown = node.operator ? JSON.stringify(node.operator) : "This"
      report("operator", `${shown} is not an operator; the operators are ${NAMES.join(", ")}.`)
      continue
    }
    const value = valueProblem(node)
    if (value) report("value", value)
  }
  return problems
}

function fieldProblem(field) {
  const length = [...field].length
  if (!length) return "The field is missing: the dotted path to read, such as metadata.amount."
  if (length > MAX_FIELD_LENGTH) return `field may have at most ${MAX_FIELD_LENGTH} characters; this one has ${length}.`
  if (field.includes("\0")) return "field must not contain the NUL character; remove it."
  if (field.split(".").includes("")) return "The field has an empty step; put exactly one dot between two names."
  return ""
}

function valueProblem({ operator, value }) {
  if (accepts(operator, value)) return value ? insideProblem(value, 0) : ""
  if (value === undefined) return `The value is missing; ${operator} needs ${needs(operator)}.`
  return `${operator} needs ${needs(operator)}, not ${kindInWords(value)}.`
}

function insideProblem(value, depth) {
  if (value.type === "text") return value.value.includes("\0") ? "Text must not contain the NUL character." : ""
  // Whole numbers may have any length; what has a point or an exponent must fit into a double.
  if (value.type === "number" && /[.eE]/.test(value.digits)) {
    return Number.isFinite(Number(value.digits)) ? "" : "A number must be finite; this one is too large."
  }
  const inside = value.type === "list" ? value.items : value.entries?.map((entry) => entry.value)
  if (!inside) return ""
  if (depth === MAX_VALUE_DEPTH) return `Lists and objects in a value may be nested at most ${MAX_VALUE_DEPTH} deep.`
  if (value.entries?.some(({ key }) => key.includes("\0"))) return "A key must not contain the NUL character."
  for (const one of inside) {
    const problem = insideProblem(one, depth + 1)
    if (problem) return problem
  }
  return ""
}
