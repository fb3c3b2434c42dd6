"""Who may come in where: every route with the right it needs, written down beside the code and not read from it.

`anybody` needs nothing, `person` a login, `member` a role in the shop of the address; the others are scopes of
`retention.access`, all of which are needed. A new route gets its line here, or the suite fails.
"""

RIGHTS = """
consents:write:
    POST /api/v1/consents
    POST /api/v1/pauses
    POST /shops/{slug}/buyers/{external_id:path}/answers
    POST /shops/{slug}/buyers/{external_id:path}/pause
buyers:personal campaigns:read:
    GET /api/v1/campaigns/{slug}/preview
anybody:
    HEAD /healthz
    HEAD /readyz
    HEAD /metrics
    GET /api/v1/openapi.json
    HEAD /api/v1/openapi.json
    GET /healthz
    GET /readyz
    GET /metrics
    GET /login
    POST /login
    GET /join/{token}
    POST /join/{token}
    GET /q/{token}
    HEAD /q/{token}
    GET /Q/{token}
    HEAD /Q/{token}
    POST /q/{token}/claim
    POST /Q/{token}/claim
    GET /q/{token}/coupon
    GET /Q/{token}/coupon
    GET /q/{token}/picture
    GET /Q/{token}/picture
    GET /u/{token}
    POST /u/{token}
    POST /in/{token}/sms
    POST /in/{token}/mail
    GET /logo/{name}
batches:read:
    GET /api/v1/batches
    GET /api/v1/batches/{number}
    GET /api/v1/batches/{number}/proof.png
    GET /shops/{slug}/print-room
    GET /shops/{slug}/print-room/{number:int}
    GET /shops/{slug}/print-room/{number:int}/proof.png
    GET /shops/{slug}/print-room/{number:int}/files/{part:int}
    GET /shops/{slug}/flyers
    GET /shops/{slug}/flyers/{flyer}
    GET /shops/{slug}/flyers/{flyer}/proofs/{proof_id:int}.png
    GET /shops/{slug}/flyers/{flyer}/proofs/{proof_id:int}.pdf
batches:read batches:write:
    GET /shops/{slug}/print-room/new
    POST /shops/{slug}/print-room/proofs
    POST /shops/{slug}/print-room
    POST /shops/{slug}/print-room/{number:int}/printed
    POST /shops/{slug}/print-room/{number:int}/close
    POST /shops/{slug}/print-room/{number:int}/reprint
    POST /shops/{slug}/flyers/{flyer}/proofs
batches:read campaigns:write:
    GET /shops/{slug}/flyers/new
    POST /shops/{slug}/flyers
    POST /shops/{slug}/flyers/{flyer}
batches:write joint:approve:
    POST /shops/{slug}/joint/{number:int}/batches
buyers:erase:
    POST /api/v1/privacy/erase
    PUT /api/v1/privacy
buyers:erase buyers:read:
    POST /shops/{slug}/privacy
    POST /shops/{slug}/privacy/erase
buyers:personal buyers:read:
    GET /shops/{slug}/privacy/export
buyers:personal:
    GET /api/v1/consents
    GET /api/v1/suppressions
    GET /api/v1/privacy/export
    GET /api/v1/bounces
buyers:read:
    GET /api/v1/campaigns/{slug}/why/{external_id:path}
    GET /api/v1/privacy
    GET /shops/{slug}/privacy
    GET /shops/{slug}/buyers
    GET /shops/{slug}/buyers/{external_id:path}
buyers:read campaigns:read:
    GET /shops/{slug}/campaigns/{name}/mail
    GET /shops/{slug}/campaigns/{name}/why
    GET /shops/{slug}/campaigns/{name}/why/{external_id:path}
buyers:read segments:read:
    GET /api/v1/segments/{slug}/changes
    GET /api/v1/segments/{slug}/buyers.csv
    GET /api/v1/segments/{slug}/buyers/{external_id}
    GET /shops/{slug}/segments/saved/{name}/buyers.csv
campaigns:approve:
    POST /api/v1/campaigns/{slug}/approve
    POST /api/v1/campaigns/{slug}/send-back
campaigns:approve campaigns:read:
    POST /shops/{slug}/campaigns/{name}/review/{verdict}
campaigns:read:
    GET /api/v1/campaigns
    GET /api/v1/campaigns/{slug}
    POST /api/v1/campaigns/{slug}/plan
    GET /api/v1/campaigns/{slug}/content
    GET /api/v1/topics
    GET /api/v1/campaigns/{slug}/draft
    GET /api/v1/arrivals
    GET /api/v1/calendar
    GET /api/v1/policy
    GET /api/v1/groups
    GET /api/v1/senders
    GET /api/v1/senders/{slug}
    GET /api/v1/hooks
    GET /api/v1/hooks/{slug}
    GET /api/v1/hooks/{slug}/calls
    GET /shops/{slug}/campaigns
    GET /shops/{slug}/campaigns/{name}
    GET /shops/{slug}/calendar
    GET /shops/{slug}/calendar/forecast
    GET /shops/{slug}/offers
    GET /shops/{slug}/arrivals
    GET /shops/{slug}/arrivals/{number:int}/picture
    GET /shops/{slug}/policies
    GET /shops/{slug}/senders
campaigns:read campaigns:write:
    GET /shops/{slug}/campaigns/{name}/plan
    POST /shops/{slug}/campaigns/{name}/launch
    POST /shops/{slug}/campaigns/{name}/schedule
    POST /shops/{slug}/campaigns/{name}/review/submit
    POST /shops/{slug}/campaigns/{name}/edit/what/preview
    POST /shops/{slug}/campaigns/{name}/edit/what/mail
    GET /shops/{slug}/campaigns/{name}/edit/what/buyers
    POST /shops/{slug}/campaigns/{name}/test
    POST /shops/{slug}/calendar/moves
    GET /shops/{slug}/offers/new
    POST /shops/{slug}/offers/new
    POST /shops/{slug}/arrivals/{number:int}
    POST /shops/{slug}/policies/topics
    POST /shops/{slug}/senders/{sender}/moves/{move}
    POST /shops/{slug}/senders/{sender}/test
campaigns:read people:write:
    POST /shops/{slug}/policies
    GET /shops/{slug}/senders/new/{kind}
    GET /shops/{slug}/senders/{sender}
    POST /shops/{slug}/senders
    POST /shops/{slug}/senders/{sender}
campaigns:write:
    POST /api/v1/campaigns/{slug}/sender
    POST /shops/{slug}/campaigns/{name}/sender
    POST /shops/{slug}/failures/{number}/retry
    GET /api/v1/failures
    POST /api/v1/failures/{number}/try-again
    POST /api/v1/campaigns/{slug}/launch
    POST /api/v1/campaigns/{slug}/pause
    POST /api/v1/campaigns/{slug}/resume
    POST /api/v1/campaigns/{slug}/resend
    POST /api/v1/campaigns/{slug}/cancel
    POST /api/v1/campaigns/{slug}/test
    PUT /api/v1/topics/{slug}
    POST /api/v1/bounces/lift
    POST /api/v1/campaigns
    PATCH /api/v1/campaigns/{slug}
    POST /api/v1/campaigns/{slug}/submit
    POST /api/v1/campaigns/{slug}/schedule
    POST /api/v1/campaigns/{slug}/reschedule
    PUT /api/v1/groups/{slug}/owner
    POST /api/v1/senders/{slug}/pause
    POST /api/v1/senders/{slug}/resume
    POST /api/v1/senders/{slug}/test
    GET /shops/{slug}/campaigns/new
    GET /shops/{slug}/campaigns/new/{recipe}
    POST /shops/{slug}/campaigns/new/{recipe}
    POST /shops/{slug}/campaigns/new/{recipe}/count
    GET /shops/{slug}/campaigns/{name}/edit/{step}
    POST /shops/{slug}/campaigns/{name}/edit/{step}
    POST /shops/{slug}/campaigns/{name}/edit/who/count
    POST /shops/{slug}/campaigns/{name}/moves/{move}
    POST /shops/{slug}/campaigns/{name}/resend/{state}
campaigns:write posts:write:
    GET /shops/{slug}/tasks/limits
    POST /shops/{slug}/tasks/limits
    POST /shops/{slug}/tasks/groups/{group}/owner
coupons:redeem:
    GET /api/v1/coupons/{code}
    POST /api/v1/coupons/{code}/hold
    POST /api/v1/coupons/{code}/redeem
    POST /api/v1/coupons/{code}/give-back
buyers:personal imports:write:
    GET /api/v1/imports/{number}/rejects.csv
imports:write:
    POST /api/v1/imports
    GET /api/v1/imports
    GET /api/v1/imports/{number}
    POST /api/v1/imports/{number}/options
    POST /api/v1/imports/{number}/mapping
    POST /api/v1/imports/{number}/start
    POST /api/v1/imports/{number}/undo
    GET /api/v1/import-mappings
    DELETE /api/v1/import-mappings/{number}
    GET /api/v1/status-words
    POST /api/v1/status-words
    DELETE /api/v1/status-words/{number}
    GET /shops/{slug}/imports
    POST /shops/{slug}/imports
    GET /shops/{slug}/imports/{number}
    GET /shops/{slug}/imports/{number}/rejects
    GET /shops/{slug}/imports/{number}/next
    POST /shops/{slug}/imports/{number}/options
    POST /shops/{slug}/imports/{number}/start
    POST /shops/{slug}/imports/{number}/mapping
    POST /shops/{slug}/imports/{number}/undo
    POST /shops/{slug}/imports/mappings/{number}/remove
    POST /shops/{slug}/imports/statuses
    POST /shops/{slug}/imports/statuses/{number}/remove
inserts:read:
    GET /api/v1/parcels/{waybill}/inserts
joint:approve:
    GET /shops/{slug}/joint
    GET /shops/{slug}/joint/new
    POST /shops/{slug}/joint
    GET /shops/{slug}/joint/{number:int}
    POST /shops/{slug}/joint/{number:int}/partners
    POST /shops/{slug}/joint/{number:int}/slot
    POST /shops/{slug}/joint/{number:int}/proofs
    POST /shops/{slug}/joint/{number:int}/approve
    POST /shops/{slug}/joint/{number:int}/close
    GET /shops/{slug}/joint/{number:int}/proofs/{sha256}.png
    GET /shops/{slug}/joint/{number:int}/proofs/{sha256}.pdf
    GET /shops/{slug}/joint/{number:int}/pictures/{slot}.jpg
member:
    GET /shops/{slug}
orders:write:
    POST /api/v1/orders
packing:write:
    GET /shops/{slug}/packing
    POST /shops/{slug}/packing/steps
people:write:
    GET /api/v1/people
    POST /api/v1/people/invitations
    GET /api/v1/people/invitations/{number}
    DELETE /api/v1/people/invitations/{number}
    PATCH /api/v1/people/{number}
    DELETE /api/v1/people/{number}
    POST /api/v1/people/{number}/sign-out
    GET /api/v1/keys
    POST /api/v1/keys
    GET /api/v1/keys/{number}
    DELETE /api/v1/keys/{number}
    PUT /api/v1/policy
    POST /api/v1/senders
    PATCH /api/v1/senders/{slug}
    POST /api/v1/hooks
    DELETE /api/v1/hooks/{slug}
    POST /api/v1/hooks/{slug}/on
    POST /api/v1/hooks/{slug}/test
    POST /api/v1/hooks/{slug}/calls/{number}/resend
    GET /shops/{slug}/hooks
    POST /shops/{slug}/hooks
    GET /shops/{slug}/hooks/{hook}
    POST /shops/{slug}/hooks/{hook}/test
    POST /shops/{slug}/hooks/{hook}/calls/{call}/resend
    POST /shops/{slug}/hooks/{hook}/on
    POST /shops/{slug}/hooks/{hook}/delete
    GET /shops/{slug}/people
    POST /shops/{slug}/people/invite
    POST /shops/{slug}/people/{number:int}/reset
    POST /shops/{slug}/people/invitations/{number:int}/withdraw
    POST /shops/{slug}/people/{number:int}/role
    POST /shops/{slug}/people/{number:int}/remove
    POST /shops/{slug}/people/{number:int}/sign-out
    POST /shops/{slug}/people/keys
    POST /shops/{slug}/people/keys/{number:int}/revoke
person:
    POST /logout
    GET /
    GET /shops
    GET /account
    POST /account/profile
    POST /account/password
    POST /account/sign-out-everywhere
posts:write:
    GET /api/v1/posts
    GET /api/v1/posts/{number}
    POST /api/v1/posts/{number}/take
    POST /api/v1/posts/{number}/sent
    POST /api/v1/posts/{number}/decline
    POST /api/v1/posts/{number}/back
    POST /api/v1/posts/{number}/undo
    GET /shops/{slug}/tasks
    POST /shops/{slug}/tasks/{number:int}/take
    POST /shops/{slug}/tasks/{number:int}/sent
    POST /shops/{slug}/tasks/{number:int}/decline
    POST /shops/{slug}/tasks/{number:int}/back
    POST /shops/{slug}/tasks/{number:int}/undo
    GET /shops/{slug}/tasks/{number:int}/picture
    GET /shops/{slug}/tasks/{number:int}/proof
results:read:
    GET /api/v1/campaigns/{slug}/results
    GET /shops/{slug}/results
segments:read:
    GET /api/v1/segments
    GET /api/v1/segments/{slug}
    POST /api/v1/segments/count
    POST /api/v1/segments/describe
    GET /api/v1/segment-presets
    GET /api/v1/segment-presets/{preset}
    GET /shops/{slug}/segments
    GET /shops/{slug}/segments/saved/{name}
    GET /shops/{slug}/segments/new
    GET /shops/{slug}/segments/saved/{name}/edit
    POST /shops/{slug}/segments/draw
    POST /shops/{slug}/segments/preview
    GET /shops/{slug}/segments/overlap
    GET /shops/{slug}/segments/combine
    GET /shops/{slug}/segments/lists
    GET /shops/{slug}/segments/rfm
    GET /shops/{slug}/segments/rfm/movement
segments:read segments:write:
    POST /shops/{slug}/segments/presets
    POST /shops/{slug}/segments/saved/{name}/refresh
    POST /shops/{slug}/segments/saved/{name}/pin
    POST /shops/{slug}/segments/saved/{name}/delete
    POST /shops/{slug}/segments/save
    POST /shops/{slug}/segments/split
    POST /shops/{slug}/segments/lists
segments:write:
    PUT /api/v1/segments/{slug}
    DELETE /api/v1/segments/{slug}
    POST /api/v1/segments/refresh
    POST /api/v1/segments/{slug}/refresh"""


def declared() -> dict[str, frozenset[str]]:
    """Return by route, "GET /shops", what whoever asks needs."""
    rights: dict[str, frozenset[str]] = {}
    needed: frozenset[str] = frozenset()
    for line in RIGHTS.strip().splitlines():
        if line.startswith(" "):
            assert line.strip() not in rights, f"twice: {line.strip()}"
            rights[line.strip()] = needed
        else:
            needed = frozenset(line.rstrip(":").split())
    return rights
