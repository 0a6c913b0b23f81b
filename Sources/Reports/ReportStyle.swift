/// The page's style: light and dark as the reader's system has it, one column on a phone, no
/// scripts, nothing from elsewhere.
let reportStyle = """
    :root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --quiet: #5b6570;
      --rule: #dfe3e8;
      --soft: #f5f7f9; --mark: #0b62c4; --alert: #b3261e;
      --h1: #c2571a; --h2: #17865c; --h3: #9353b5; --h4: #a8820b; --h5: #c23b6e; }
    @media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8eaed;
      --quiet: #a2abb5;
      --rule: #2d333a; --soft: #1c2026; --mark: #6ab0ff; --alert: #ff8a80; --h1: #e8925a;
        --h2: #4cc38a; --h3: #c792ea;
      --h4: #d9b43a; --h5: #f07ba5; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 68rem; background: var(--paper);
      color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; border-top: 1px solid var(--rule);
      padding-top: 1.2rem; }
    p { margin: .4rem 0; max-width: 46rem; }
    .quiet, .unit, .tick, .axis { color: var(--quiet); }
    .verdict { font-size: 1.2rem; margin: 1rem 0; max-width: 46rem; }
    .verdict data, .verdict strong { font-weight: 650; }
    .verdict .change data { font-weight: inherit; }
    .error, .change, .row { white-space: nowrap; }
    .facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(45%, 11rem), 1fr));
      gap: .7rem;
      margin: 1.2rem 0; padding: 0; }
    .facts div { background: var(--soft); border-radius: .4rem; padding: .6rem .8rem; }
    .facts dt { color: var(--quiet); font-size: .85rem; }
    .facts dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
    .facts dd .error { color: var(--quiet); font-size: .95rem; }
    .facts small { display: block; color: var(--quiet); font-size: .8rem; }
    .warn { border-left: 3px solid var(--alert); padding-left: .8rem; }
    ul.warn { margin: .4rem 0; max-width: 46rem; list-style: none; overflow-wrap: anywhere; }
    .charts { display: grid;
      grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: 1.2rem; }
    figure { margin: .8rem 0; min-width: 0; }
    figcaption { font-weight: 600; font-size: .92rem; }
    .unit { font-weight: 400; }
    svg { width: 100%; height: auto; display: block; }
    svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
    .grid { stroke: var(--rule); } .reference { stroke: var(--quiet); stroke-dasharray: 4 4; }
    .bar { fill: var(--mark); } .line { fill: none; stroke: var(--hue); stroke-width: 2; }
    .dot { fill: var(--hue); } .marked { fill: var(--paper); stroke: var(--hue);
      stroke-width: 2.5; }
    svg .mark { fill: var(--ink); font-weight: 600; }
    .h0 { --hue: var(--mark); } .h1 { --hue: var(--h1); } .h2 { --hue: var(--h2); }
    .h3 { --hue: var(--h3); } .h4 { --hue: var(--h4); } .h5 { --hue: var(--h5); }
    .line.dashed { stroke-dasharray: 6 3; } line.error { stroke: var(--hue); stroke-width: 1.5; }
    .legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; }
    .key::before { content: ""; display: inline-block; width: 1em; height: .2em; margin-right: .4em;
      vertical-align: middle; background: var(--hue); }
    .key.dashed::before { width: .4em; box-shadow: .6em 0 var(--hue); margin-right: 1em; }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; font-size: .9rem; margin: .6rem 0; }
    th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--rule);
      vertical-align: top; }
    th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
    td { overflow-wrap: anywhere; min-width: 3rem; } td small { display: block;
      color: var(--quiet); }
    .pairs th { padding-right: 1.2rem; } .pairs th code { white-space: nowrap; }
    .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    summary { cursor: pointer; color: var(--mark); }
    code { font-size: .92em; overflow-wrap: anywhere; }
    @media (max-width: 34rem) { .large text { font-size: 15px; } .verdict { font-size: 1.1rem; } }
    @media print { :root { color-scheme: light; font-size: 11px; } body { max-width: none;
      padding: 0;
      font-size: 1rem; } figure, .facts div, tr { break-inside: avoid; } h2 { break-after: avoid; }
      .facts { grid-template-columns: repeat(5, 1fr); }
      .facts div { border: 1px solid var(--rule); }
      .charts { grid-template-columns: repeat(3, 1fr); } details:not([open]) { display: none; } }
    """
