// The way back, and forth again. Changes of the same part in a row are one step.

const MOST_STEPS = 200

export class History {
  #past = []
  #future = []
  #lastPart = ""

  get canUndo() {
    return this.#past.length > 0
  }

  get canRedo() {
    return this.#future.length > 0
  }

  /** `before` is about to be changed; `part` names what is changed, "" for something of its own. */
  record(before, part = "") {
    if (!part || part !== this.#lastPart) this.#past = [...this.#past, before].slice(-MOST_STEPS)
    this.#future = []
    this.#lastPart = part
  }

  undo(now) {
    this.#lastPart = ""
    this.#future.push(now)
    return this.#past.pop()
  }

  redo(now) {
    this.#lastPart = ""
    this.#past.push(now)
    return this.#future.pop()
  }
}
