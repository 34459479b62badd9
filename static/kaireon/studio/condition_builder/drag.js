// Dragging nodes by their grips. What a mouse can do here, the arrow keys on the grip and the menu can as well.

import { el } from "./elements.js"

/** Makes the grips in `area` drag; `move(id, groupId, key, index)` is called with the place to drop at. */
export function makeDraggable(area, move) {
  const line = el("li", { class: "builder__drop", "aria-hidden": "true" })
  let dragged = null
  let place = null

  area.addEventListener("dragstart", (event) => {
    const grip = event.target.closest?.(".builder__grip")
    if (!grip) return
    dragged = grip.closest("[data-node]")
    event.dataTransfer.effectAllowed = "move"
    event.dataTransfer.setData("text/plain", dragged.getAttribute("aria-label"))
    event.dataTransfer.setDragImage(dragged, 12, 12)
    dragged.classList.add("builder__dragged")
  })

  area.addEventListener("dragover", (event) => {
    if (!dragged) return
    const list = event.target.closest("[data-group]")
    if (!list || dragged.contains(list)) return
    event.preventDefault()
    event.dataTransfer.dropEffect = "move"
    const members = [...list.querySelector(".condition-group__members").children].filter((item) => item !== line)
    const index = members.findIndex((item) => {
      const { top, height } = item.getBoundingClientRect()
      return event.clientY < top + height / 2
    })
    const at = index === -1 ? members.length : index
    place = { groupId: list.dataset.group, key: list.dataset.key, index: at }
    list.querySelector(".condition-group__members").insertBefore(line, members[at] ?? null)
  })

  area.addEventListener("drop", (event) => {
    if (!dragged || !place) return
    event.preventDefault()
    const { groupId, key, index } = place
    const id = dragged.dataset.node
    end()
    move(id, groupId, key, index)
  })

  area.addEventListener("dragend", end)

  function end() {
    dragged?.classList.remove("builder__dragged")
    line.remove()
    dragged = place = null
  }
}
