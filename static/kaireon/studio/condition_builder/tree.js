// A condition as the builder holds it, and every way of changing it. Nothing here is ever changed in place: each
// operation gives a new tree, so that an old one can be gone back to. Nodes keep their id through all of it.
//
// A leaf is { id, field, operator, value }, value as in json_text.js or undefined; a group is { id, lists }, each list
// { key: "all" | "any", members }. The tree that is always true is null.

import { writeJson } from "./json_text.js"

export const MAX_DEPTH = 10
export const MAX_LEAVES = 200
const MAX_PROBLEMS = 100
const SHAPES = "a leaf has field, operator and value, a group has all, any or both"
const GROUP_KEYS = ["all", "any"]
const LEAF_KEYS = ["field", "operator", "value"]

let lastNumber = 0
const newId = () => `node-${(lastNumber += 1)}`

export const newLeaf = (parts) => ({ id: newId(), field: "", operator: "eq", value: undefined, ...parts })
export const newGroup = (key, members) => ({ id: newId(), lists: [{ key, members }] })
export const isGroup = (node) => node !== null && "lists" in node
export const otherKey = (key) => (key === "all" ? "any" : "all")

// --- from JSON and back

const KINDS = { text: "text", number: "a number", boolean: "a boolean", null: "null", list: "a list", object: "an object" }
export const kindInWords = (value) => KINDS[value.type]

/**
 * The tree of a JSON value: { tree, problems }. Problems ({ path, message }) are what can't be shown as a tree without
 * losing something; where there are any there is no tree. What can be shown but is not right, `check` finds.
 */
export function fromJson(value) {
  if (value.type === "object" && value.entries.length === 0) return { tree: null, problems: [] }
  const problems = []
  let leafCount = 0

  function report(path, message) {
    if (problems.length < MAX_PROBLEMS) problems.push({ path, message })
  }

  function node(raw, path, depth) {
    if (raw.type === "object" && raw.entries.some(({ key }) => GROUP_KEYS.includes(key))) return group(raw, path, depth)
    leafCount += 1
    if (raw.type !== "object") return report(path, `A condition must be an object, not ${kindInWords(raw)}: ${SHAPES}.`)
    if (raw.entries.length === 0) {
      return report(path, "An empty condition may only stand alone, as the whole condition; leave it out here.")
    }
    return leaf(raw, path)
  }

  function members(raw, path, known) {
    const found = new Map()
    for (const { key, value: member } of raw.entries) {
      const own = join(path, key)
      if (!known.includes(key)) report(own, `${JSON.stringify(key)} is not known here: ${SHAPES}.`)
      else if (found.has(key)) report(own, `${key} stands here twice, and only the last one would count; keep one.`)
      found.set(key, member)
    }
    return found
  }

  function group(raw, path, depth) {
    if (depth > MAX_DEPTH) {
      return report(path, `Groups may be nested at most ${MAX_DEPTH} deep; bring this one further up.`)
    }
    const found = members(raw, path, [...GROUP_KEYS, ...LEAF_KEYS])
    if (LEAF_KEYS.some((key) => found.has(key))) {
      report(path, `A leaf and a group at once, but ${SHAPES}; move the leaf into the group's list.`)
    }
    const lists = []
    for (const [key, value] of found) {
      if (!GROUP_KEYS.includes(key)) continue
      const own = join(path, key)
      if (value.type !== "list") report(own, `${key} must be a list of conditions, not ${kindInWords(value)}.`)
      else lists.push({ key, members: value.items.map((item, index) => node(item, `${own}[${index}]`, depth + 1)) })
    }
    return { id: newId(), lists }
  }

  function leaf(raw, path) {
    const found = members(raw, path, LEAF_KEYS)
    const [field, operator] = ["field", "operator"].map((key) => {
      const value = found.get(key)
      if (value && value.type !== "text") report(join(path, key), `${key} must be text, not ${kindInWords(value)}.`)
      return value?.value ?? ""
    })
    return newLeaf({ field, operator, value: found.get("value") })
  }

  const tree = node(value, "", 1)
  if (leafCount > MAX_LEAVES) {
    report("", `A condition may have at most ${MAX_LEAVES} leaves; this one has ${leafCount}.`)
  }
  return problems.length ? { problems } : { tree, problems }
}

/** The JSON value of a tree. */
export function toJson(node) {
  if (node === null) return { type: "object", entries: [] }
  if (isGroup(node)) {
    return object(node.lists.map(({ key, members }) => [key, { type: "list", items: members.map(toJson) }]))
  }
  const parts = [
    ["field", { type: "text", value: node.field }],
    ["operator", { type: "text", value: node.operator }],
  ]
  return object(node.value === undefined ? parts : [...parts, ["value", node.value]])
}

const object = (pairs) => ({ type: "object", entries: pairs.map(([key, value]) => ({ key, value })) })

/** The text that a tree is written as. */
export const toText = (node) => writeJson(toJson(node))

export const join = (path, key) => (path ? `${path}.${key}` : key)

// --- looking

/** Every node from the root down: { node, path, depth, parent, key, index }. The root's parent is null. */
export function* walk(node, path = "", depth = 1, place = { parent: null, key: null, index: 0 }) {
  if (node === null) return
  yield { node, path, depth, ...place }
  if (!isGroup(node)) return
  for (const { key, members } of node.lists) {
    for (const [index, member] of members.entries()) {
      yield* walk(member, `${join(path, key)}[${index}]`, depth + 1, { parent: node, key, index })
    }
  }
}

const places = new WeakMap()

/** The node of that id, with its place as `walk` gives it; null where there is none. */
export function find(root, id) {
  if (root === null) return null
  // No tree ever changes, so that each has to be gone through once alone.
  if (!places.has(root)) places.set(root, new Map([...walk(root)].map((place) => [place.node.id, place])))
  return places.get(root).get(id) ?? null
}

export function countLeaves(root) {
  let count = 0
  for (const { node } of walk(root)) if (!isGroup(node)) count += 1
  return count
}

/** How deep groups are nested in a node; 0 for a leaf. */
export function height(node) {
  if (!isGroup(node)) return 0
  return 1 + Math.max(0, ...node.lists.flatMap(({ members }) => members.map(height)))
}

const membersOf = (group, key) => group.lists.find((list) => list.key === key)?.members ?? []

/** The siblings of what `find` found, itself included. */
export const siblings = ({ node, parent, key }) => (parent ? membersOf(parent, key) : [node])

// --- changing

function mapNode(node, id, change) {
  if (node === null) return null
  if (node.id === id) return change(node)
  if (!isGroup(node)) return node
  let changed = false
  const lists = node.lists.map((list) => {
    const members = list.members.map((member) => mapNode(member, id, change))
    if (members.every((member, index) => member === list.members[index])) return list
    changed = true
    return { ...list, members }
  })
  return changed ? { ...node, lists } : node
}

const mapMembers = (root, groupId, key, change) =>
  mapNode(root, groupId, (group) => ({
    ...group,
    lists: group.lists.map((list) => (list.key === key ? { ...list, members: change(list.members) } : list)),
  }))

export const setLeaf = (root, id, parts) => mapNode(root, id, (leaf) => ({ ...leaf, ...parts }))

export const insert = (root, groupId, key, index, node) =>
  mapMembers(root, groupId, key, (members) => members.toSpliced(index, 0, node))

/** `node` at the end of a group's list; without a group, beside whatever the root is. */
export function add(root, node, groupId = null, key = null) {
  if (groupId) return insert(root, groupId, key, Infinity, node)
  if (root === null) return isGroup(node) ? node : newGroup("all", [node])
  return isGroup(root) ? insert(root, root.id, root.lists[0].key, Infinity, node) : newGroup("all", [root, node])
}

/** Without that node. A group or a list that is left without members goes with it; the last one leaves null. */
export function remove(root, id) {
  const found = find(root, id)
  if (!found || !found.parent) return found ? null : root
  const { parent, key } = found
  const rest = membersOf(parent, key).filter((member) => member.id !== id)
  if (rest.length) return mapMembers(root, parent.id, key, () => rest)
  if (parent.lists.length === 1) return remove(root, parent.id)
  return mapNode(root, parent.id, (group) => ({ ...group, lists: group.lists.filter((list) => list.key !== key) }))
}

function fresh(node) {
  if (!isGroup(node)) return { ...node, id: newId() }
  return { id: newId(), lists: node.lists.map((list) => ({ ...list, members: list.members.map(fresh) })) }
}

/** With a copy of the node behind it: { root, id } of the copy. The root is put into a group with its copy. */
export function duplicate(root, id) {
  const found = find(root, id)
  const copy = fresh(found.node)
  if (!found.parent) return { root: newGroup("all", [root, copy]), id: copy.id }
  return { root: insert(root, found.parent.id, found.key, found.index + 1, copy), id: copy.id }
}

export function wrap(root, id) {
  const { key } = find(root, id)
  return mapNode(root, id, (node) => newGroup(key ? otherKey(key) : "all", [node]))
}

export const canWrap = (root, id) => {
  const { node, depth } = find(root, id)
  return depth + height(node) <= MAX_DEPTH
}

/** Whether a group's members can take its place: it has one list, and is no root of several. */
export function canUnwrap(root, id) {
  const { node, parent } = find(root, id)
  return isGroup(node) && node.lists.length === 1 && (parent !== null || node.lists[0].members.length === 1)
}

export function unwrap(root, id) {
  const { node, parent, key, index } = find(root, id)
  const members = node.lists[0].members
  if (!parent) return members[0]
  return mapMembers(root, parent.id, key, (all) => all.toSpliced(index, 1, ...members))
}

/** All becomes any and any all; in a group that has both, they swap. */
export const turn = (root, groupId) =>
  mapNode(root, groupId, (group) => ({ ...group, lists: group.lists.map((one) => ({ ...one, key: otherKey(one.key) })) }))

/** The list that the group lacks, with one member. */
export const addList = (root, groupId, node) =>
  mapNode(root, groupId, (group) => ({
    ...group,
    lists: [...group.lists, { key: otherKey(group.lists[0].key), members: [node] }],
  }))

/** The node moved to a place, `index` counted before it is taken out; null where it can't go there. */
export function moveTo(root, id, groupId, key, index) {
  const found = find(root, id)
  const target = find(root, groupId)
  if (!found?.parent || !target || find(found.node, groupId)) return null
  if (target.depth + height(found.node) > MAX_DEPTH) return null
  const isSameList = found.parent.id === groupId && found.key === key
  if (isSameList) {
    const to = index > found.index ? index - 1 : index
    if (to === found.index) return null
    return mapMembers(root, groupId, key, (all) => all.toSpliced(found.index, 1).toSpliced(to, 0, found.node))
  }
  // In first and out afterwards, so that a group which loses its last member is gone only then.
  const marker = { ...found.node, id: "moving" }
  const moved = remove(insert(root, groupId, key, index, marker), id)
  return mapNode(moved, "moving", () => found.node)
}

/** Where a step leads: "up", "down", "in" (to the group above, else the one below), "out". Null where there is none. */
export function step(root, id, direction) {
  const found = find(root, id)
  if (!found?.parent) return null
  const { parent, key, index } = found
  const all = membersOf(parent, key)
  if (direction === "up") return index > 0 ? moveTo(root, id, parent.id, key, index - 1) : null
  if (direction === "down") return index < all.length - 1 ? moveTo(root, id, parent.id, key, index + 2) : null
  if (direction === "out") {
    const above = find(root, parent.id)
    return above.parent ? moveTo(root, id, above.parent.id, above.key, above.index + 1) : null
  }
  const [before, after] = [all[index - 1], all[index + 1]]
  if (before && isGroup(before)) return moveTo(root, id, before.id, before.lists.at(-1).key, Infinity)
  return after && isGroup(after) ? moveTo(root, id, after.id, after.lists[0].key, 0) : null
}

/** The new tree with the ids of the old one, where at the same place stands a node of the same kind. */
export function adoptIds(from, to) {
  if (from === null || to === null || isGroup(from) !== isGroup(to)) return to
  if (!isGroup(to)) return { ...to, id: from.id }
  const lists = to.lists.map((list) => {
    const old = membersOf(from, list.key)
    return { ...list, members: list.members.map((member, at) => (old[at] ? adoptIds(old[at], member) : member)) }
  })
  return { id: from.id, lists }
}
