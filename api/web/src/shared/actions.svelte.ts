// What can be done on the page that is open, by its key and from the palette; the help lists the same.
import { onDestroy } from 'svelte'
import { SvelteSet } from 'svelte/reactivity'

import { typing, ui } from './ui.svelte.ts'

export interface Action {
  /** What it does, in the user's words. */
  name: string
  /** A single letter or sign; it works where nobody writes, unless single-letter keys are switched off. */
  key?: string
  run: () => void
  /** Makes sense by its key only, not out of the palette. */
  keyOnly?: boolean
}

const groups = new SvelteSet<() => readonly Action[]>()

/** Call it while a component is set up: its actions are there as long as the component is. */
export function useActions(actions: () => readonly Action[]): void {
  groups.add(actions) // now, not when mounted: the frame's come before the page's
  onDestroy(() => groups.delete(actions))
}

/** All actions there are now, the frame's first. */
export const actions = (): Action[] => [...groups].flatMap((group) => group())

/** What a key stands for: the innermost component has the first say. */
export const byKey = (): Map<string, Action> => new Map(actions().flatMap((each) => (each.key ? [[each.key, each] as const] : [])))

/** Runs what a key stands for. */
export function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || typing(event) || !ui.shortcuts) return
  const action = byKey().get(event.key)
  if (!action) return
  event.preventDefault()
  action.run()
}
