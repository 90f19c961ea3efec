// What the frame shows only when somebody asks for it: one chunk, loaded when the page has what it is for.
export { default as HelpDialog } from './HelpDialog.svelte'
export { default as Menu } from './Menu.svelte'
export { default as Palette } from './Palette.svelte'
