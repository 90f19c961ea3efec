// How each page was left: with its filters. It is found again as it was.
import { SvelteMap } from 'svelte/reactivity'

const searches = new SvelteMap<string, string>()

export const visited = {
  keep: (path: string, search: string): void => void searches.set(path, search),
  href: (path: string): string => path + (searches.get(path) ?? ''),
}
