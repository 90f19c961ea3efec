// A page's filters and selection are kept in its address, so that a link or a reload shows the same. What opens a
// vehicle, an alert or a place is a step of the history: Back closes it and stays here; a filter is no step.
import { afterNavigate, goto } from '$app/navigation'
import { page } from '$app/state'
import { untrack } from 'svelte'

/** What a page keeps in its address. */
export interface Kept {
  /** Takes over what an address says; what it does not say is as it is at first. */
  read(query: URLSearchParams): void
  /** What the address has to say now; reactive. */
  query(): URLSearchParams
  /** What is open, outermost first ('stock/site'); stepping from one vehicle to the next opens nothing new. */
  open(): string
}

/** Call it while a page is set up: from then on the page's state and its address say the same. */
export function keepInAddress(kept: Kept): void {
  const path = page.url.pathname
  kept.read(new URLSearchParams(page.url.search))
  let opened = kept.open()
  let pushes = false // a step that has not yet landed, when a filter changes meanwhile
  let going: string | undefined

  $effect(() => {
    const query = kept.query().toString()
    const open = kept.open()
    untrack(() => {
      pushes ||= open !== opened && !opened.startsWith(open)
      opened = open
      const search = query && `?${query}`
      if (search === page.url.search && going === undefined) {
        pushes = false
        return
      }
      if (search === going) return
      going = search
      // The part behind # is the map's.
      void goto(path + search + location.hash, { replace: !pushes, reset: false, state: { kept: true } }).then(() => {
        if (going !== search) return
        going = undefined
        pushes = false
      })
    })
  })

  afterNavigate(({ to, type }) => {
    // What was written above may have changed again meanwhile; what Back, a link or the palette leads to is to be read.
    if (to?.url.pathname !== path || (type === 'goto' && page.state.kept)) return
    if (to.url.search.slice(1) === kept.query().toString()) return
    kept.read(new URLSearchParams(to.url.search))
    opened = kept.open()
  })
}
