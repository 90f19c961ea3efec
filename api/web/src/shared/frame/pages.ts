// The pages of the console, in the order of the navigation. A page is a folder of src/routes/(console) and one entry here.

export interface Page {
  path: string
  /** In the navigation. */
  name: string
  /** In the title of the window. */
  title: string
}

export const PAGES: readonly Page[] = [
  { path: '/', name: 'Map', title: 'Live map' },
  { path: '/alerts', name: 'Alerts', title: 'Alerts' },
]

export const pageAt = (path: string): Page | undefined => PAGES.find((page) => page.path === path)
