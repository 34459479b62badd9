// The tree as it stands on the page: groups with their rails, and the leaves' rows in them.

import { button, el, icon, iconButton } from "./elements.js"
import { LeafRow } from "./leaf_row.js"
import * as tree from "./tree.js"
import { placeInWords, titleOf } from "./words.js"

const RAILS = 4

/** The whole tree as elements; `rows` is filled with the row of each leaf by its id. */
export function renderTree(builder, rows) {
  const { tree: root } = builder
  const isGroup = tree.isGroup(root)
  return [
    root === null && el("p", { class: "builder__always" }, "No conditions: this is always true."),
    root !== null && node(builder, root, 1, rows),
    // A group brings its own two buttons.
    !isGroup && el("div", { class: "condition-group__foot" }, addButtons(builder, null, null, false)),
  ].filter(Boolean)
}

function node(builder, one, depth, rows) {
  if (tree.isGroup(one)) return group(builder, one, depth, rows)
  const row = new LeafRow(builder, one, { handle: handle(builder, one.id), tools: tools(builder, one) })
  rows.set(one.id, row)
  return row.element
}

function group(builder, one, depth, rows) {
  const { tree: root } = builder
  const isRoot = one.id === root.id
  const notes = el("div", { class: "condition-group__notes" })
  const lists = one.lists.map(({ key, members }, at) => list(builder, one, { key, members, at, depth }, rows))
  const box = el(
    "div",
    {
      class: `condition-group condition-group--depth-${((depth - 1) % RAILS) + 1}`,
      role: "group",
      "data-node": one.id,
      "aria-label": `${placeInWords(root, one.id)}: ${one.lists.map(({ key }) => titleOf(key).toLowerCase()).join(" and ")}`,
    },
    notes,
    lists,
  )
  const [head] = lists
  if (!isRoot) head.firstChild.prepend(handle(builder, one.id))
  head.firstChild.append(tools(builder, one))
  rows.set(one.id, { showNotes: () => showGroupNotes(builder, one.id, notes), learn() {} })
  showGroupNotes(builder, one.id, notes)
  return box
}

function list(builder, one, { key, members, at, depth }, rows) {
  const part = at === 0 ? "key" : "second-key"
  const select = el(
    "select",
    {
      class: "condition-group__key",
      "data-part": part,
      "aria-label": at === 0 ? "Which of them must hold" : "And which of these must hold",
      change: ({ target }) => {
        if (target.value === key) return
        builder.change(tree.turn(builder.tree, one.id), { focus: [one.id, part], say: `Now ${titleOf(target.value).toLowerCase()}.` })
      },
    },
    el("option", { value: "all" }, "All of these"),
    el("option", { value: "any" }, "Any of these"),
  )
  select.value = key
  const items = members.map((member) =>
    el("li", { class: "condition-group__member", "data-joined": key === "all" ? "and" : "or" }, node(builder, member, depth + 1, rows)),
  )
  return el(
    "div",
    { class: "condition-group__list", "data-group": one.id, "data-key": key },
    el("div", { class: "condition-group__head" }, at > 0 && el("span", { class: "condition-group__and" }, "and"), select),
    el("ul", { class: "condition-group__members" }, items),
    el("div", { class: "condition-group__foot" }, addButtons(builder, one.id, key, depth >= tree.MAX_DEPTH)),
  )
}

function showGroupNotes(builder, id, notes) {
  notes.replaceChildren(...builder.problemsOf(id).map(({ message }) => el("p", { class: "field__problem" }, message)))
}

// --- adding

function addButtons(builder, groupId, key, isDeepest) {
  const isFull = tree.countLeaves(builder.tree) >= tree.MAX_LEAVES
  const where = groupId && groupId !== builder.tree.id ? ` to ${placeInWords(builder.tree, groupId).toLowerCase()}` : ""
  const attributes = (words, part) => ({
    class: "button button--quiet button--small",
    "aria-label": `${words}${where}`,
    "data-part": `${part}-${key ?? "root"}`,
    disabled: isFull,
  })
  return [
    button("Condition", { ...attributes("Add condition", "add"), click: () => builder.add(groupId, key, false) }, "plus"),
    !isDeepest && button("Group", { ...attributes("Add group", "add-group"), click: () => builder.add(groupId, key, true) }, "group"),
    isFull && el("span", { class: "subtle" }, `${tree.MAX_LEAVES} conditions are the most there may be.`),
  ]
}

// --- moving, and what else can be done with a node

function handle(builder, id) {
  const isRoot = builder.tree.id === id
  if (isRoot) return null
  const place = placeInWords(builder.tree, id)
  const grip = el(
    "span",
    {
      class: "builder__grip",
      role: "button",
      tabindex: "0",
      draggable: "true",
      "data-part": "grip",
      "aria-label": `Move ${place.toLowerCase()}. Arrow up and down move it, left moves it out of its group, right into the next one.`,
      title: "Drag, or press arrow keys, to move",
      keydown: (event) => {
        const direction = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "out", ArrowRight: "in" }[event.key]
        if (event.key === "Enter" || event.key === " ") openMenu(event)
        else if (direction) builder.step(id, direction, "grip")
        else return
        event.preventDefault()
      },
    },
    icon("grip-vertical"),
  )
  return grip
}

function openMenu({ target }) {
  const menu = target.closest("[data-node]").querySelector("details.menu")
  menu.addEventListener("toggle", () => menu.querySelector("button:not([disabled])").focus(), { once: true })
  menu.open = true
}

function tools(builder, one) {
  const { tree: root } = builder
  const name = placeInWords(root, one.id).toLowerCase()
  const remove = iconButton(`Remove ${name}`, "trash-2", { class: "button button--icon", "data-part": "remove", click: () => builder.remove(one.id) })
  return el("div", { class: "builder__tools" }, remove, menu(builder, one, name))
}

function menu(builder, one, name) {
  const list = el("div", { class: "menu__list" })
  const summary = el("summary", { class: "button button--icon", "aria-label": `More for ${name}`, title: "More", "data-part": "menu" }, icon("ellipsis-vertical"))
  // What is possible is asked when it is wanted: for two hundred rows at once it would take a while.
  const fill = ({ target }) => target.open && list.replaceChildren(...menuItems(builder, one))
  return el("details", { class: "menu", toggle: fill }, summary, list)
}

function menuItems(builder, one) {
  const { tree: root } = builder
  const isFull = tree.countLeaves(root) + tree.countLeaves(one) > tree.MAX_LEAVES
  const steps = [
    ["up", "Move up", "arrow-up"],
    ["down", "Move down", "arrow-down"],
    ["in", "Into the group beside", "list-indent-increase"],
    ["out", "Out of the group", "list-indent-decrease"],
  ]
  const item = (words, iconName, act, isPossible = true) => button(words, { class: "menu__item", disabled: !isPossible, click: act }, iconName)
  const items = steps.map(([direction, words, iconName]) =>
    item(words, iconName, () => builder.step(one.id, direction, "menu"), tree.step(root, one.id, direction) !== null),
  )
  items.push(
    item("Duplicate", "copy", () => builder.duplicate(one.id), !isFull && (one.id !== root.id || tree.canWrap(root, one.id))),
    item("Wrap in a group", "group", () => builder.wrap(one.id), tree.canWrap(root, one.id)),
  )
  if (tree.isGroup(one)) {
    items.push(item("Unwrap the group", "ungroup", () => builder.unwrap(one.id), tree.canUnwrap(root, one.id)))
    if (one.lists.length === 1) {
      const other = titleOf(tree.otherKey(one.lists[0].key)).toLowerCase()
      items.push(item(`And ${other}`, "plus", () => builder.addList(one.id), tree.countLeaves(root) < tree.MAX_LEAVES))
    }
  }
  return items
}
