//! The list of blobs, drawn at four sizes.

use super::drawn;

#[test]
fn blobs_at_60() {
    insta::assert_snapshot!(drawn("j b", (60, 16)), @r"
     ./kitchen › blobs         169 objects · read-only · ? help
    ────────────────────────────────────────────────────────────
       BLOB                      STATE           SIZE▾      AGE
    ▸  sha256:4d2486f2890d33b3…  ▒ orphan    37.2 KiB   12h 32m▐
       sha256:dc5b9e768dfa835a…  ▒ orphan    37.2 KiB   12h 32m
       sha256:e4082698164053e3…  ▒ orphan    37.2 KiB   12h 33m
       sha256:3962a45e253fc05a…  ▒ orphan    37.2 KiB   12h 32m
       sha256:cabb629779a40e9e…  ▒ orphan    37.2 KiB   12h 32m
       sha256:c8928c717a8e825f…  ▒ orphan    37.2 KiB   12h 32m
       sha256:9a1b9080e73e72f9…  ▒ orphan    37.2 KiB   12h 32m
       sha256:d14a5ae984a791c2…  ▒ orphan    37.2 KiB   12h 32m
       sha256:e19a58cdd66162b4…  █ live      37.2 KiB   12h 32m
       sha256:59f03c5e7ddda964…  ▒ orphan    37.2 KiB   12h 33m
    ─────────────────────────────────────────────────── 1/169 ──
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  p plan a prune  / filter
    ");
}

#[test]
fn blobs_at_80() {
    insta::assert_snapshot!(drawn("j b", (80, 24)), @r"
     ./kitchen › blobs                   169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────
       BLOB                                   STATE           SIZE▾      AGE   REFS
    ▸  sha256:4d2486f2890d33b31991bf8b71702…  ▒ orphan    37.2 KiB   12h 32m      0▐
       sha256:dc5b9e768dfa835ac96dbc0db334f…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:e4082698164053e385bd80ee6c0bc…  ▒ orphan    37.2 KiB   12h 33m      0
       sha256:3962a45e253fc05a3b13014afac21…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:cabb629779a40e9eb4577489513fb…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:c8928c717a8e825fac8a33f806841…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:9a1b9080e73e72f9a2a8df61e416f…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:d14a5ae984a791c21567c55f91dc4…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:e19a58cdd66162b46ce374f67f705…  █ live      37.2 KiB   12h 32m      1
       sha256:59f03c5e7ddda964cfef80f175efe…  ▒ orphan    37.2 KiB   12h 33m      0
       sha256:36e8414f541e5af47834642b5e6f2…  ▒ orphan    37.2 KiB   12h 33m      0
       sha256:fdc4e99270fa5baa85c43618d4b47…  ▒ orphan    37.2 KiB   12h 32m      0
       sha256:4734ca4a21d37f2fa5a312f862f5b…  ▒ orphan    37.2 KiB   12h 33m      0
       sha256:e07463ea9245be2a4027099db3997…  ▒ orphan    36.9 KiB   12h 32m      0
       sha256:4f7f3ba7e77a2551a19f18153dfc6…  ▒ orphan    36.9 KiB   12h 32m      0
       sha256:c9f82e45ede1574eb1312d87ef5d5…  ▒ orphan    36.9 KiB   12h 32m      0
       sha256:9cb5dbecad08662a1cfa01612cae9…  ▒ orphan    36.9 KiB   12h 32m      0
       sha256:b74aeb811d5a9d43273ca4c0b3de6…  ▒ orphan    36.9 KiB   12h 33m      0
    ─────────────────────────────────────────────────────────────────────── 1/169 ──
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  p plan a prune  / filter  s sort  space mark
    ");
}

#[test]
fn blobs_at_120() {
    insta::assert_snapshot!(drawn("j b", (120, 40)), @r"
     ./kitchen › blobs                                                           169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                      STATE           SIZE▾      AGE   REFS  │ sha256:4d2486f2890d33b31991bf8b71
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22…  ▒ orphan    37.2 KiB   12h 32m      0▐ │ 702e22c0e6d76fc7aed92cec2713e784a
       sha256:dc5b9e768dfa835ac96dbc0db334fd76…  ▒ orphan    37.2 KiB   12h 32m      0▐ │ 622c0
       sha256:e4082698164053e385bd80ee6c0bc10e…  ▒ orphan    37.2 KiB   12h 33m      0▐ │ state      ▒ orphan
       sha256:3962a45e253fc05a3b13014afac21c19…  ▒ orphan    37.2 KiB   12h 32m      0▐ │ stored, and no ref references it:
       sha256:cabb629779a40e9eb4577489513fb99b…  ▒ orphan    37.2 KiB   12h 32m      0▐ │ it can be deleted
       sha256:c8928c717a8e825fac8a33f806841801…  ▒ orphan    37.2 KiB   12h 32m      0▐ │
       sha256:9a1b9080e73e72f9a2a8df61e416feb7…  ▒ orphan    37.2 KiB   12h 32m      0  │ role       blob
       sha256:d14a5ae984a791c21567c55f91dc4259…  ▒ orphan    37.2 KiB   12h 32m      0  │ size       37.2 KiB (38089 bytes)
       sha256:e19a58cdd66162b46ce374f67f7058c8…  █ live      37.2 KiB   12h 32m      1  │ written    12h 32m ago,
       sha256:59f03c5e7ddda964cfef80f175efea38…  ▒ orphan    37.2 KiB   12h 33m      0  │            2026-11-21T23:27:24Z
       sha256:36e8414f541e5af47834642b5e6f2b27…  ▒ orphan    37.2 KiB   12h 33m      0  │
       sha256:fdc4e99270fa5baa85c43618d4b47676…  ▒ orphan    37.2 KiB   12h 32m      0  │
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d…  ▒ orphan    37.2 KiB   12h 33m      0  │
       sha256:e07463ea9245be2a4027099db39977c1…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:4f7f3ba7e77a2551a19f18153dfc63c5…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:c9f82e45ede1574eb1312d87ef5d5a20…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:9cb5dbecad08662a1cfa01612cae904f…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdf…  ▒ orphan    36.9 KiB   12h 33m      0  │
       sha256:5c1af998a5c7931e76ab1657a77995fd…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:ea9f031a4919a3836a23c91639426567…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:e7fc9c16148a8f906a85163b1da2abfa…  ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:8645e57db3739b0a32d07fa64ce3b731…  ▒ orphan    36.9 KiB   12h 33m      0  │
       sha256:47fd7e77fc387b8f75b5e2d2b0a6e182…  ▒ orphan    36.9 KiB   12h 33m      0  │
       sha256:6203b7246778987465dac23b9877515e…  ▒ orphan    36.9 KiB   12h 33m      0  │
       sha256:dc9b9b9af3481eabff37df5eb4ba1260…  █ live      36.7 KiB   12h 32m      1  │
       sha256:58b1e480c91212f981f3fa09154f16bd…  ▒ orphan    36.3 KiB   12h 32m      0  │
       sha256:ff4a53c4e1b20bf3f34a785f88c99219…  █ live      24.3 KiB   12h 33m      1  │
       sha256:d9b39c8cfe69d52eb4ef7fed08c86a23…  ▒ orphan    24.2 KiB   12h 32m      0  │
       sha256:e3ed0787ace068ef6f79708b4ea22508…  ▒ orphan    24.2 KiB   12h 32m      0  │
       sha256:9fc106053576f4da3db9d09d990eb981…  ▒ orphan    24.2 KiB   12h 33m      0  │
       sha256:cc68f804b409cb6bec798b6b1b0194b0…  █ live      24.2 KiB   12h 32m      1  │
       sha256:6a801761fa0e31c0fdfbd03bf7b34446…  ▒ orphan    24.2 KiB   12h 32m      0  │
       sha256:e67dbaf6df9d518a897c3f346a868ae2…  ▒ orphan    24.2 KiB   12h 33m      0  │
       sha256:4da03b14a8b977bc4e16505aaa7c1110…  ▒ orphan    24.2 KiB   12h 33m      0  │
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/169 ──
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  p plan a prune  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn blobs_at_200() {
    insta::assert_snapshot!(drawn("j b", (200, 60)), @r"
     ./kitchen › blobs                                                                                                                                           169 objects · 1.3 MiB · read-only · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       BLOB                                                            ROLE          STATE           SIZE▾      AGE   REFS  │ sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e784a622c0
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │ state      ▒ orphan
       sha256:dc5b9e768dfa835ac96dbc0db334fd76fc005e56b759969ca2e89b…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │ stored, and no ref references it: it can be deleted
       sha256:e4082698164053e385bd80ee6c0bc10ec1b507ae86a5fc6ce6af52…  blob          ▒ orphan    37.2 KiB   12h 33m      0▐ │
       sha256:3962a45e253fc05a3b13014afac21c1900552e952edfa14e866431…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │ role       blob
       sha256:cabb629779a40e9eb4577489513fb99b093d3a00e3074f424bb371…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │ size       37.2 KiB (38089 bytes)
       sha256:c8928c717a8e825fac8a33f80684180148717d0a9c139b0ac7279f…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │ written    12h 32m ago, 2026-11-21T23:27:24Z
       sha256:9a1b9080e73e72f9a2a8df61e416feb7740216741733f6e99aa227…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │
       sha256:d14a5ae984a791c21567c55f91dc4259fea41188b20fed67ff68e4…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │
       sha256:e19a58cdd66162b46ce374f67f7058c85180eae78757ccf5a08dd1…  layer         █ live      37.2 KiB   12h 32m      1▐ │
       sha256:59f03c5e7ddda964cfef80f175efea38bddc27b88ae6d59c464314…  blob          ▒ orphan    37.2 KiB   12h 33m      0▐ │
       sha256:36e8414f541e5af47834642b5e6f2b27f06a43a4033e68386d1b11…  blob          ▒ orphan    37.2 KiB   12h 33m      0▐ │
       sha256:fdc4e99270fa5baa85c43618d4b47676bb4d73fc919b3a2b03c5dd…  blob          ▒ orphan    37.2 KiB   12h 32m      0▐ │
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d2c8a5a69def18cc8ad2522…  blob          ▒ orphan    37.2 KiB   12h 33m      0▐ │
       sha256:e07463ea9245be2a4027099db39977c1c3072c74a9f76a23f0b63c…  blob          ▒ orphan    36.9 KiB   12h 32m      0▐ │
       sha256:4f7f3ba7e77a2551a19f18153dfc63c52d9496120595c6dd91e48d…  blob          ▒ orphan    36.9 KiB   12h 32m      0▐ │
       sha256:c9f82e45ede1574eb1312d87ef5d5a20f0832f4ed1b8df16d24d54…  blob          ▒ orphan    36.9 KiB   12h 32m      0▐ │
       sha256:9cb5dbecad08662a1cfa01612cae904f21e8e65b280ddf076248ec…  blob          ▒ orphan    36.9 KiB   12h 32m      0▐ │
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdff3d5be8637cceedc4edd27…  blob          ▒ orphan    36.9 KiB   12h 33m      0  ├── enter opens sha256:4d2486f2890d ────────────────────────────────────────────
       sha256:5c1af998a5c7931e76ab1657a77995fd0fef9284dc158723a56795…  blob          ▒ orphan    36.9 KiB   12h 32m      0  │   PATH                                          SIZE▾ SHARE   MODIFIED
       sha256:ea9f031a4919a3836a23c91639426567313b0979387af6ef33e53b…  blob          ▒ orphan    36.9 KiB   12h 32m      0  │     app                                     36.0 KiB  ██████  2026-11-21 23:27
       sha256:e7fc9c16148a8f906a85163b1da2abfa00635d6140b8f9c3fe419c…  blob          ▒ orphan    36.9 KiB   12h 32m      0  │
       sha256:8645e57db3739b0a32d07fa64ce3b731cc8964bac0d84bc779f9cd…  blob          ▒ orphan    36.9 KiB   12h 33m      0  │─── bytes of the files ────────────────────────────────────────────────────────
       sha256:47fd7e77fc387b8f75b5e2d2b0a6e182f281269921a42975070fea…  blob          ▒ orphan    36.9 KiB   12h 33m      0  │   app
       sha256:6203b7246778987465dac23b9877515e679e16b730812e6d90a95d…  blob          ▒ orphan    36.9 KiB   12h 33m      0  │   36.0 KiB
       sha256:dc9b9b9af3481eabff37df5eb4ba12605ad39fd280342a4666ea95…  layer         █ live      36.7 KiB   12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:58b1e480c91212f981f3fa09154f16bd87d508725aa4abb1b01d58…  blob          ▒ orphan    36.3 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:ff4a53c4e1b20bf3f34a785f88c99219bc64ed18777d36a82fa6a9…  layer         █ live      24.3 KiB   12h 33m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:d9b39c8cfe69d52eb4ef7fed08c86a23b0d59fe2e2034ae4fda13f…  blob          ▒ orphan    24.2 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:e3ed0787ace068ef6f79708b4ea225089e21f82859244daf324e72…  blob          ▒ orphan    24.2 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:9fc106053576f4da3db9d09d990eb981936ea35d614b739645eca0…  blob          ▒ orphan    24.2 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:cc68f804b409cb6bec798b6b1b0194b0c58a2c2e3c621b27fdda35…  layer         █ live      24.2 KiB   12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:6a801761fa0e31c0fdfbd03bf7b344462e5ac378b41a06545a7d1c…  blob          ▒ orphan    24.2 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:e67dbaf6df9d518a897c3f346a868ae243779895c5bd003520ea9e…  blob          ▒ orphan    24.2 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:4da03b14a8b977bc4e16505aaa7c1110f0f11ed81e0ea5746e40aa…  blob          ▒ orphan    24.2 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:981930d31dc3bacf2f3af15a4ac8355ae1bb9f0ca0b925b4d0acb5…  layer         █ live      22.9 KiB   12h 33m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:996f3b56f6f55af4fbf6c6a4da880a07667fbbc9ea7ce1863512a2…  blob          ▒ orphan     7.0 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:b021960e9b0aac822e4c5f7cc3d14b32116576a4de5116bf2ed669…  blob          ▒ orphan     7.0 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1501939ffcb77a73396dd989c30c3185148901c677e55951a3a87c…  blob          ▒ orphan     7.0 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:9ba4980d805365ce261a077fcb7218317435cfa76214720e8b35cc…  blob          ▒ orphan     7.0 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:009957fe5aca8977f2c541cb7f8011b08070d7a4d6af641aec9d95…  blob          ▒ orphan     7.0 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:d58b7234a5db6e62d6125f432316af80808cdfa41f2c30c62155de…  blob          ▒ orphan     6.9 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:66f0c78b30516335b118e9d00a4e3e163e99a92ef35f6152af0bda…  blob          ▒ orphan     6.9 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:daf7bf41df13d1d44c91c41c41a798b1dfc6d3d4c15d07e58c191d…  blob          ▒ orphan     6.8 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1c6aba491a38549ac9db5513cad46b6b6a436469cd7418b44ac431…  blob          ▒ orphan     6.7 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:ccfb3a51074bbe4d0929fa17e0546b69059436a9493bc5d332f934…  cache config  █ live       6.6 KiB   12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:7b4288993084a8a46627efcf2952167bd587fcecbe2db138297124…  blob          ▒ orphan     6.6 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1487ab20bfd28f7c983027bd9f902393d993cbc209b96a713afff6…  blob          ▒ orphan     6.6 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:14fd3c79feae6d8626ee1ac32244e7d221ff6a6f591d00ef2a0dc8…  blob          ▒ orphan     6.6 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:6e79a61b4ba81c16d9da2a349711b44c64b019dffdcd550ae3563d…  blob          ▒ orphan     6.3 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:333a1cc55b16e50487c7a40677bfb2b5b5f9c957a18dbfe497b03b…  blob          ▒ orphan     6.3 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:332f5cb7ca2f7d8ae29884067f4cf7a2f549d3e34c29e9467f1f8d…  blob          ▒ orphan     6.3 KiB   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:8a715f2c79813a61e80900ed1d1f75cb4bdd090ed5e3eda961606d…  blob          ▒ orphan     6.3 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:811dac8776464e5f4f0627c92f3252389b35d971f6d6bc532636cd…  blob          ▒ orphan     6.3 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:33013724246e3442f3f429b43f7fe509a0d97879cf9129f174d8dd…  blob          ▒ orphan     6.3 KiB   12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/169 ──
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  p plan a prune  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}
