/** How the lab's Chromium is started. Its sandbox does not start for root, whom the lab's machine may be. */
export const chromiumOptions = {
  executablePath: process.env['LIFEBOAT_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
}
