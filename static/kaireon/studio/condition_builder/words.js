// How the builder speaks of nodes: where they stand, and what they say.

import { writeInline } from "./json_text.js"
import { choiceOf, wordsOf } from "./operators.js"
import { find, isGroup, siblings } from "./tree.js"
import { isMoment } from "./value_kinds.js"

const LONGEST_VALUE = 60

export const titleOf = (key) => (key === "all" ? "All of these" : "Any of these")

/** `metadata.amount is over 500`. */
export function leafInWords(leaf) {
  const field = leaf.field || "no field yet"
  const choice = choiceOf(leaf)
  if (!choice) return `${field} ${leaf.operator || "no operator yet"}`
  const words = wordsOf(choice, leaf.value?.type === "text" && isMoment(leaf.value.value))
  if (leaf.operator === "exists") return `${field} ${words}`
  return `${field} ${words} ${leaf.value === undefined ? "no value yet" : shortly(leaf.value)}`
}

export function shortly(value) {
  const written = value.type === "list" ? value.items.map(writeInline).join(", ") || "an empty list" : writeInline(value)
  return written.length > LONGEST_VALUE ? `${written.slice(0, LONGEST_VALUE)}…` : written
}

/** The places from the root down to a node: `2.1`; empty for the root. */
function numbers(root, id) {
  const places = []
  for (let found = find(root, id); found?.parent; found = find(root, found.parent.id)) {
    const before = found.parent.lists.slice(0, found.parent.lists.findIndex(({ key }) => key === found.key))
    places.unshift(before.reduce((sum, { members }) => sum + members.length, 0) + found.index + 1)
  }
  return places.join(".")
}

/** `Condition 2 of 3 in group 1, any of these`. */
export function placeInWords(root, id) {
  const found = find(root, id)
  const kind = isGroup(found.node) ? "Group" : "Condition"
  if (!found.parent) return kind === "Group" ? "Outermost group" : "The only condition"
  const group = numbers(root, found.parent.id)
  const where = `${group ? `in group ${group}, ` : "of "}${titleOf(found.key).toLowerCase()}`
  return `${kind} ${found.index + 1} of ${siblings(found).length} ${where}`
}
