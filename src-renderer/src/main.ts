import './app.css'

import { mount } from 'svelte'

import App from './App.svelte'
import { bridgeClient } from './client.ts'
import { httpBridge } from './http-bridge.ts'

const target = document.getElementById('app')
if (target) {
  mount(App, { target, props: { client: bridgeClient(window.bridge ?? httpBridge()) } })
}
