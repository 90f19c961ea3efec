// The pages of the console in the order of the navigation. A page is a folder of src/routes/(console) and an entry here.
import { m } from '#messages/frame.ts'

export type Role = 'admin' | 'dispatcher' | 'coldchain' | 'storekeeper' | 'viewer'

export interface Page {
  path: string
  /** In the navigation and the palette. */
  name: string
  /** In the title of the window. */
  title: string
  /** Who has it in the navigation; without it, everybody. What somebody may do is for the api to say. */
  roles?: readonly Role[]
}

export const PAGES: readonly Page[] = [
  { path: '/', name: m.page_map, title: m.page_map_title },
  { path: '/alerts', name: m.page_alerts, title: m.page_alerts },
]

export const pageAt = (path: string): Page | undefined => PAGES.find((page) => page.path === path)

/** The pages of a role. */
export const pagesOf = (role: string): readonly Page[] => PAGES.filter(({ roles }) => !roles || roles.some((each) => each === role))
