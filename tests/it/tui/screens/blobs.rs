//! The list of blobs, drawn at four sizes.

use super::drawn;

#[test]
fn blobs_at_60() {
    insta::assert_snapshot!(drawn("j b", (60, 16)), @r"
     ./kitchen › blobs         169 objects · read-only · ? help
    ────────────────────────────────────────────────────────────
       BLOB                STATE           SIZE▾     AGE   REFS
    ▸  sha256:4d2486f289…  ▒ orphan    37.2 KiB  12h 32m      0▐
       sha256:dc5b9e768d…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:e408269816…  ▒ orphan    37.2 KiB  12h 33m      0
       sha256:3962a45e25…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:cabb629779…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:c8928c717a…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:9a1b9080e7…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:d14a5ae984…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:e19a58cdd6…  █ live      37.2 KiB  12h 32m      1
       sha256:59f03c5e7d…  ▒ orphan    37.2 KiB  12h 33m      0
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
       BLOB                                    STATE           SIZE▾     AGE   REFS
    ▸  sha256:4d2486f2890d33b31991bf8b71702e…  ▒ orphan    37.2 KiB  12h 32m      0▐
       sha256:dc5b9e768dfa835ac96dbc0db334fd…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:e4082698164053e385bd80ee6c0bc1…  ▒ orphan    37.2 KiB  12h 33m      0
       sha256:3962a45e253fc05a3b13014afac21c…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:cabb629779a40e9eb4577489513fb9…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:c8928c717a8e825fac8a33f8068418…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:9a1b9080e73e72f9a2a8df61e416fe…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:d14a5ae984a791c21567c55f91dc42…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:e19a58cdd66162b46ce374f67f7058…  █ live      37.2 KiB  12h 32m      1
       sha256:59f03c5e7ddda964cfef80f175efea…  ▒ orphan    37.2 KiB  12h 33m      0
       sha256:36e8414f541e5af47834642b5e6f2b…  ▒ orphan    37.2 KiB  12h 33m      0
       sha256:fdc4e99270fa5baa85c43618d4b476…  ▒ orphan    37.2 KiB  12h 32m      0
       sha256:4734ca4a21d37f2fa5a312f862f5bf…  ▒ orphan    37.2 KiB  12h 33m      0
       sha256:e07463ea9245be2a4027099db39977…  ▒ orphan    36.9 KiB  12h 32m      0
       sha256:4f7f3ba7e77a2551a19f18153dfc63…  ▒ orphan    36.9 KiB  12h 32m      0
       sha256:c9f82e45ede1574eb1312d87ef5d5a…  ▒ orphan    36.9 KiB  12h 32m      0
       sha256:9cb5dbecad08662a1cfa01612cae90…  ▒ orphan    36.9 KiB  12h 32m      0
       sha256:b74aeb811d5a9d43273ca4c0b3de6c…  ▒ orphan    36.9 KiB  12h 33m      0
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
       BLOB                                       STATE           SIZE▾     AGE   REFS  │ sha256:4d2486f2890d33b31991bf8b71
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22c…  ▒ orphan    37.2 KiB  12h 32m      0▐ │ 702e22c0e6d76fc7aed92cec2713e784a
       sha256:dc5b9e768dfa835ac96dbc0db334fd76f…  ▒ orphan    37.2 KiB  12h 32m      0▐ │ 622c0
       sha256:e4082698164053e385bd80ee6c0bc10ec…  ▒ orphan    37.2 KiB  12h 33m      0▐ │ state      ▒ orphan
       sha256:3962a45e253fc05a3b13014afac21c190…  ▒ orphan    37.2 KiB  12h 32m      0▐ │ stored, and no ref references it:
       sha256:cabb629779a40e9eb4577489513fb99b0…  ▒ orphan    37.2 KiB  12h 32m      0▐ │ it can be deleted
       sha256:c8928c717a8e825fac8a33f8068418014…  ▒ orphan    37.2 KiB  12h 32m      0▐ │
       sha256:9a1b9080e73e72f9a2a8df61e416feb77…  ▒ orphan    37.2 KiB  12h 32m      0  │ role       blob
       sha256:d14a5ae984a791c21567c55f91dc4259f…  ▒ orphan    37.2 KiB  12h 32m      0  │ size       37.2 KiB (38089 bytes)
       sha256:e19a58cdd66162b46ce374f67f7058c85…  █ live      37.2 KiB  12h 32m      1  │ written    12h 32m ago,
       sha256:59f03c5e7ddda964cfef80f175efea38b…  ▒ orphan    37.2 KiB  12h 33m      0  │            2026-11-21T23:27:24Z
       sha256:36e8414f541e5af47834642b5e6f2b27f…  ▒ orphan    37.2 KiB  12h 33m      0  │
       sha256:fdc4e99270fa5baa85c43618d4b47676b…  ▒ orphan    37.2 KiB  12h 32m      0  │
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d2…  ▒ orphan    37.2 KiB  12h 33m      0  │
       sha256:e07463ea9245be2a4027099db39977c1c…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:4f7f3ba7e77a2551a19f18153dfc63c52…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:c9f82e45ede1574eb1312d87ef5d5a20f…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:9cb5dbecad08662a1cfa01612cae904f2…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdff…  ▒ orphan    36.9 KiB  12h 33m      0  │
       sha256:5c1af998a5c7931e76ab1657a77995fd0…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:ea9f031a4919a3836a23c916394265673…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:e7fc9c16148a8f906a85163b1da2abfa0…  ▒ orphan    36.9 KiB  12h 32m      0  │
       sha256:8645e57db3739b0a32d07fa64ce3b731c…  ▒ orphan    36.9 KiB  12h 33m      0  │
       sha256:47fd7e77fc387b8f75b5e2d2b0a6e182f…  ▒ orphan    36.9 KiB  12h 33m      0  │
       sha256:6203b7246778987465dac23b9877515e6…  ▒ orphan    36.9 KiB  12h 33m      0  │
       sha256:dc9b9b9af3481eabff37df5eb4ba12605…  █ live      36.7 KiB  12h 32m      1  │
       sha256:58b1e480c91212f981f3fa09154f16bd8…  ▒ orphan    36.3 KiB  12h 32m      0  │
       sha256:ff4a53c4e1b20bf3f34a785f88c99219b…  █ live      24.3 KiB  12h 33m      1  │
       sha256:d9b39c8cfe69d52eb4ef7fed08c86a23b…  ▒ orphan    24.2 KiB  12h 32m      0  │
       sha256:e3ed0787ace068ef6f79708b4ea225089…  ▒ orphan    24.2 KiB  12h 32m      0  │
       sha256:9fc106053576f4da3db9d09d990eb9819…  ▒ orphan    24.2 KiB  12h 33m      0  │
       sha256:cc68f804b409cb6bec798b6b1b0194b0c…  █ live      24.2 KiB  12h 32m      1  │
       sha256:6a801761fa0e31c0fdfbd03bf7b344462…  ▒ orphan    24.2 KiB  12h 32m      0  │
       sha256:e67dbaf6df9d518a897c3f346a868ae24…  ▒ orphan    24.2 KiB  12h 33m      0  │
       sha256:4da03b14a8b977bc4e16505aaa7c1110f…  ▒ orphan    24.2 KiB  12h 33m      0  │
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
       BLOB                                                    ROLE          STATE            SIZE▾             AGE   REFS  │ sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed92cec2713e784a622c0
    ▸  sha256:4d2486f2890d33b31991bf8b71702e22c0e6d76fc7aed9…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒▒  12h 32m      0▐ │ state      ▒ orphan
       sha256:dc5b9e768dfa835ac96dbc0db334fd76fc005e56b75996…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │ stored, and no ref references it: it can be deleted
       sha256:e4082698164053e385bd80ee6c0bc10ec1b507ae86a5fc…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 33m      0▐ │
       sha256:3962a45e253fc05a3b13014afac21c1900552e952edfa1…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │ role       blob
       sha256:cabb629779a40e9eb4577489513fb99b093d3a00e3074f…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │ size       37.2 KiB (38089 bytes)
       sha256:c8928c717a8e825fac8a33f80684180148717d0a9c139b…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │ written    12h 32m ago, 2026-11-21T23:27:24Z
       sha256:9a1b9080e73e72f9a2a8df61e416feb7740216741733f6…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:d14a5ae984a791c21567c55f91dc4259fea41188b20fed…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:e19a58cdd66162b46ce374f67f7058c85180eae78757cc…  layer         █ live       37.2 KiB  █████   12h 32m      1▐ │
       sha256:59f03c5e7ddda964cfef80f175efea38bddc27b88ae6d5…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 33m      0▐ │
       sha256:36e8414f541e5af47834642b5e6f2b27f06a43a4033e68…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 33m      0▐ │
       sha256:fdc4e99270fa5baa85c43618d4b47676bb4d73fc919b3a…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:4734ca4a21d37f2fa5a312f862f5bf7d2c8a5a69def18c…  blob          ▒ orphan     37.2 KiB  ▒▒▒▒▒   12h 33m      0▐ │
       sha256:e07463ea9245be2a4027099db39977c1c3072c74a9f76a…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:4f7f3ba7e77a2551a19f18153dfc63c52d9496120595c6…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:c9f82e45ede1574eb1312d87ef5d5a20f0832f4ed1b8df…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:9cb5dbecad08662a1cfa01612cae904f21e8e65b280ddf…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0▐ │
       sha256:b74aeb811d5a9d43273ca4c0b3de6cdff3d5be8637ccee…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 33m      0  ├── enter opens sha256:4d2486f2890d ────────────────────────────────────────────
       sha256:5c1af998a5c7931e76ab1657a77995fd0fef9284dc1587…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0  │   PATH                                          SIZE▾ SHARE   MODIFIED
       sha256:ea9f031a4919a3836a23c91639426567313b0979387af6…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0  │     app                                     36.0 KiB  ██████  2026-11-21 23:27
       sha256:e7fc9c16148a8f906a85163b1da2abfa00635d6140b8f9…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 32m      0  │
       sha256:8645e57db3739b0a32d07fa64ce3b731cc8964bac0d84b…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 33m      0  │─── bytes of the files ────────────────────────────────────────────────────────
       sha256:47fd7e77fc387b8f75b5e2d2b0a6e182f281269921a429…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 33m      0  │   app
       sha256:6203b7246778987465dac23b9877515e679e16b730812e…  blob          ▒ orphan     36.9 KiB  ▒▒▒▒▒   12h 33m      0  │   36.0 KiB
       sha256:dc9b9b9af3481eabff37df5eb4ba12605ad39fd280342a…  layer         █ live       36.7 KiB  █████   12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:58b1e480c91212f981f3fa09154f16bd87d508725aa4ab…  blob          ▒ orphan     36.3 KiB  ▒▒▒▒▒   12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:ff4a53c4e1b20bf3f34a785f88c99219bc64ed18777d36…  layer         █ live       24.3 KiB  ███     12h 33m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:d9b39c8cfe69d52eb4ef7fed08c86a23b0d59fe2e2034a…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:e3ed0787ace068ef6f79708b4ea225089e21f82859244d…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:9fc106053576f4da3db9d09d990eb981936ea35d614b73…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:cc68f804b409cb6bec798b6b1b0194b0c58a2c2e3c621b…  layer         █ live       24.2 KiB  ███     12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:6a801761fa0e31c0fdfbd03bf7b344462e5ac378b41a06…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:e67dbaf6df9d518a897c3f346a868ae243779895c5bd00…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:4da03b14a8b977bc4e16505aaa7c1110f0f11ed81e0ea5…  blob          ▒ orphan     24.2 KiB  ▒▒▒     12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:981930d31dc3bacf2f3af15a4ac8355ae1bb9f0ca0b925…  layer         █ live       22.9 KiB  ███     12h 33m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:996f3b56f6f55af4fbf6c6a4da880a07667fbbc9ea7ce1…  blob          ▒ orphan      7.0 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:b021960e9b0aac822e4c5f7cc3d14b32116576a4de5116…  blob          ▒ orphan      7.0 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1501939ffcb77a73396dd989c30c3185148901c677e559…  blob          ▒ orphan      7.0 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:9ba4980d805365ce261a077fcb7218317435cfa7621472…  blob          ▒ orphan      7.0 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:009957fe5aca8977f2c541cb7f8011b08070d7a4d6af64…  blob          ▒ orphan      7.0 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:d58b7234a5db6e62d6125f432316af80808cdfa41f2c30…  blob          ▒ orphan      6.9 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:66f0c78b30516335b118e9d00a4e3e163e99a92ef35f61…  blob          ▒ orphan      6.9 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:daf7bf41df13d1d44c91c41c41a798b1dfc6d3d4c15d07…  blob          ▒ orphan      6.8 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1c6aba491a38549ac9db5513cad46b6b6a436469cd7418…  blob          ▒ orphan      6.7 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:ccfb3a51074bbe4d0929fa17e0546b69059436a9493bc5…  cache config  █ live        6.6 KiB  █       12h 32m      1  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:7b4288993084a8a46627efcf2952167bd587fcecbe2db1…  blob          ▒ orphan      6.6 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:1487ab20bfd28f7c983027bd9f902393d993cbc209b96a…  blob          ▒ orphan      6.6 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:14fd3c79feae6d8626ee1ac32244e7d221ff6a6f591d00…  blob          ▒ orphan      6.6 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:6e79a61b4ba81c16d9da2a349711b44c64b019dffdcd55…  blob          ▒ orphan      6.3 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:333a1cc55b16e50487c7a40677bfb2b5b5f9c957a18dbf…  blob          ▒ orphan      6.3 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:332f5cb7ca2f7d8ae29884067f4cf7a2f549d3e34c29e9…  blob          ▒ orphan      6.3 KiB  ▒       12h 32m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:8a715f2c79813a61e80900ed1d1f75cb4bdd090ed5e3ed…  blob          ▒ orphan      6.3 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:811dac8776464e5f4f0627c92f3252389b35d971f6d6bc…  blob          ▒ orphan      6.3 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
       sha256:33013724246e3442f3f429b43f7fe509a0d97879cf9129…  blob          ▒ orphan      6.3 KiB  ▒       12h 33m      0  │   ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/169 ──
     160 KiB live · 1.2 MiB orphan
     enter open  o orphans  m missing  p plan a prune  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}
