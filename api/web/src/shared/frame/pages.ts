// The pages of the console in the order of the navigation. A page is a folder of src/routes/(console) and an entry here.
import { m } from '#messages/frame.ts'

import type { Permission } from '#shared/api/shapes.ts'

export interface Page {
  path: string
  /** In the navigation and the palette. */
  name: string
  /** In the title of the window. */
  title: string
  /** What one has to be allowed for it to stand in the navigation; without it, nothing. The api says who may what. */
  needs?: Permission
  /** It stands in the bar of every page unless this is false: the menu, the palette or a page of the same kind leads to it. */
  bar?: false
}

export const PAGES: readonly Page[] = [
  { path: '/', name: m.page_map, title: m.page_map_title },
  { path: '/alerts', name: m.page_alerts, title: m.page_alerts },
  { path: '/reports', name: m.page_reports, title: m.page_reports },
  { path: '/sites', name: m.page_sites, title: m.page_sites },
  { path: '/shipments', name: m.page_shipments, title: m.page_shipments },
  { path: '/orders', name: m.page_orders, title: m.page_orders },
  { path: '/goods', name: m.page_goods, title: m.page_goods },
  { path: '/stock', name: m.page_stock, title: m.page_stock },
  { path: '/devices', name: m.page_devices, title: m.page_devices },
  { path: '/start', name: m.page_start, title: m.page_start, bar: false },
  { path: '/dispatch', name: m.page_dispatch, title: m.page_dispatch, bar: false },
  { path: '/carriers', name: m.page_carriers, title: m.page_carriers, bar: false },
  { path: '/docks', name: m.page_docks, title: m.page_docks, bar: false },
  { path: '/planning', name: m.page_planning, title: m.page_planning, bar: false },
  { path: '/kpis', name: m.page_kpis, title: m.page_kpis, bar: false },
  { path: '/planning/replenishment', name: m.page_replenishment, title: m.page_replenishment, bar: false },
  { path: '/hand-over', name: m.page_hand_over, title: m.page_hand_over, bar: false },
  { path: '/goods/trace', name: m.page_trace, title: m.page_trace, bar: false },
  { path: '/orders/waves', name: m.page_waves, title: m.page_waves, needs: 'orders.work', bar: false },
  { path: '/orders/pick', name: m.page_pick, title: m.page_pick, needs: 'orders.work', bar: false },
  { path: '/orders/pack', name: m.page_pack, title: m.page_pack, needs: 'orders.work', bar: false },
  { path: '/orders/packaging', name: m.page_packaging, title: m.page_packaging, bar: false },
  { path: '/orders/returns', name: m.page_returns, title: m.page_returns, bar: false },
  { path: '/shipments/load', name: m.page_load, title: m.page_load, needs: 'orders.work', bar: false },
  { path: '/stock/products', name: m.page_products, title: m.page_products, bar: false },
  { path: '/stock/activity', name: m.page_activity, title: m.page_activity, bar: false },
  { path: '/stock/warehouse', name: m.page_warehouse, title: m.page_warehouse, bar: false },
  { path: '/stock/count', name: m.page_count, title: m.page_count, bar: false },
  { path: '/stock/receive', name: m.page_receive, title: m.page_receive, needs: 'stock.write', bar: false },
  { path: '/stock/put-away', name: m.page_put_away, title: m.page_put_away, needs: 'stock.write', bar: false },
  { path: '/stock/import', name: m.page_inventory, title: m.page_inventory, needs: 'stock.write', bar: false },
  { path: '/devices/refused', name: m.page_refused, title: m.page_refused, needs: 'messages.mend', bar: false },
  { path: '/settings', name: m.page_me, title: m.page_settings, bar: false },
  { path: '/settings/display', name: m.page_display, title: m.page_display, bar: false },
  { path: '/settings/profiles', name: m.page_profiles, title: m.page_profiles, bar: false },
  { path: '/settings/files', name: m.page_files, title: m.page_files, bar: false },
  { path: '/settings/people', name: m.page_people, title: m.page_people, needs: 'people.write', bar: false },
  { path: '/settings/links', name: m.page_links, title: m.page_links_title, bar: false },
  { path: '/settings/tokens', name: m.page_tokens, title: m.page_tokens_title, needs: 'tokens.write', bar: false },
  { path: '/settings/webhooks', name: m.page_webhooks, title: m.page_webhooks, needs: 'webhooks.write', bar: false },
  { path: '/settings/brokers', name: m.page_brokers, title: m.page_brokers, needs: 'webhooks.write', bar: false },
  { path: '/settings/channels', name: m.page_channels, title: m.page_channels, needs: 'channels.write', bar: false },
  { path: '/settings/audit', name: m.page_audit, title: m.page_audit_title, needs: 'audit.read', bar: false },
]

export const pageAt = (path: string): Page | undefined => PAGES.find((page) => page.path === path)

/** The pages of somebody who may do all this. */
export const pagesOf = (permissions: readonly Permission[]): readonly Page[] => PAGES.filter(({ needs }) => !needs || permissions.includes(needs))
