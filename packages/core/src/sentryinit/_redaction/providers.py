"""Keys of providers: a table, and how they are found in a text.

A row of the table is a name and, after two blanks, the parts of the key:

- a literal, or alternatives with commas between them;
- an alphabet (see ``_ALPHABETS``) and a length: ``a20`` is 20 characters, ``a20+`` at least 20,
  ``a20-30`` 20 to 30; with ``!`` a digit, a small and a capital letter are in it, since the
  literal beside it is a word of other texts too;
- ``uuid``;
- ``>``: what is before it stays, as the host of a webhook.

The first look is made from the same row: it searches for the literals.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator

from sentryinit._redaction.lazy import lazy
from sentryinit._redaction.placeholders import Span

# Facts from the documentation of the providers.
TABLE = """
1Password  ops_eyJ b40+
1Password  A3- A6 - A11 - A5 - A5 - A5
1Password  A3- A6 - A6 - A5 - A5 - A5 - A5
Ably  a6 . a6 : u43!
Adafruit IO  aio_ a28+
Adobe  p8e- u32+
Adyen  AQE b80+
age  AGE-SECRET-KEY-1,age-secret-key-1 a20+
Aikido  AIK_SECRET_,AIK_CLIENT_ u20+
Airtable  pat a14 . a60+
Airtable  a10-30 .v1. u20+ . x40+
Airtable  key a14!
Aiven  AVNS_ u16+
Akamai  akab- u16+ - u16+
Alchemy  alcht_ a30+
Alibaba  LTAI a16+
Amazon, key and secret  AKIA,ASIA A16 s1-3 b27-88!
Amazon  AKIA a16+
Amazon  ASIA,ABIA,ACCA,AGPA,AIDA,AIPA,ANPA,ANVA,AROA A16+
Amazon  ASIA,ABIA,ACCA,AGPA,AIDA,AIPA,ANPA,ANVA,AROA a16+!
Amazon  A3T A17+
Amazon AppSync  da2- a26+
Amazon Bedrock  ABSK b90+
Amazon Bedrock  bedrock-api-key- b20+
Amazon login  amzn1.oa2-cs.v1. x40+
Amazon MWS  amzn.mws. uuid
Amazon session  IQoJb3JpZ2lu,FwoGZXIvYXdz b60+
Anthropic  sk-ant- u20+
Apify  apify_api_ u30+
Artifactory  AKC a10+!
Artifactory  AKCp a60+
Artifactory  cmVmd a50+
Asana  d1-2 / d15-20 : a32+
Asana  d1-2 / d15-20 / d15-20 : a32+
Atlassian  ATBB,ATOA a20+
Atlassian  ATATT,ATCTT b9+
Authress  sc_,ext_,scauth_,authress_ a5-30 . a4-6 .acc_,.acc- u10-32 . b30+
Axiom  xaat-,xapt- uuid
Azure refresh token  0.A,1.A p40-120 .Ag u100+
Azure client secret  t3 d1 Q~ t30-40
Azure DevOps  a76 AZDO a4
Azure keys  a52 JQQJ99,JQQJ9D,JQQJ9H a26-30
Azure keys  B42 +ACR,AzSe,APIM a6-8
Azure keys  B33 AIoT,AzCa,+ASb,+AEh,+ARm a5-6 =
Azure keys  u44 AzFu u5-6 ==
Azure keys  B76 +ACDb,+ABa,+ASt,+AMC a5-6 ==
Azure keys  AccountKey=,SharedAccessKey=,accountkey=,sharedaccesskey= > b20+
Azure signature  sig= > b27+
Baidu  bce-v3/ALTAK- u10+ / x30+
Bannerbear  bb_pr_,bb_ma_ x30+
Beamer  b_ b44!
BestTime  pri_ x32
Bitbucket Data Center  BBDC- b40+
Bitly  R_ x32
Braintree  access_token$production$,access_token$sandbox$ a16 $ x32
Brave  BSA u28!
Brevo  xkeysib-,xsmtpsib- u50+
Buildkite  bkua_,bkcq_,bkrt_ a40+
Canva  cnvca u40+
Cerebras  csk- a30+
Checkly  cu_ x32
Checkout  sk_,pk_,sk_test_,pk_test_ uuid
Checkout  sk_sbox_,pk_sbox_ a24+
Checkout  cus_ a26
Chef  ctp_ a30+
Chromatic  chpt_ x12+
CircleCI  CCIPAT_,CCIPRJ_ w40+
ClickHouse  4b1d a38
ClickUp  pk_ d6-9 _ A32
Clojars  CLOJARS_ a60+
Close  api_ c45
Cloudflare  cfat_,cfut_,cfk_ a40+
Cloudflare  v1.0- p150+
Column, Mollie  live_ a27-30!
ConfigCat  configcat-sdk-1/ u22 / u22
Confluent  cflt b56+
Contentful  CFPAT- u40+
ConvertAPI  secret_ a16
Courier  pk_ a1-20 _ a28
crates.io  cio a32
Cursor  key_ x64
Databricks  dapi,dkea,dose,dsapi x32
Databricks  dapi x32 - d1-2
Datadog  pub x32
Dependency-Track  odt_ a32+
Defined Networking  dnkey- b50+
Deno  ddp_,ddw_ a36+
dfuse  web_,server_ l32
DigitalOcean  dop_v1_,doo_v1_,dor_v1_ a32+
DingTalk  SEC l64
Discord  M,N,O u23-27 . u6 . u27-40
Discord  mfa. u80+
Docker  dckr_pat_,dckr_oat_ u20+
Doppler  dp.pt.,dp.ct.,dp.sa.,dp.st.,dp.scim.,dp.audit.,dp.said. a36+
Doppler  dp.st. u2-35 . a36+
Dropbox  sl.,sl.u. b100+
Dropbox  a11 AAAAAAAAAA u43+
Duffel  duffel_test_,duffel_live_ b40+
Duo  DI A18
Dynatrace  dt0 a3 . a8-24 . a60+
E2B  e2b_ x40
EasyPost  EZAK,EZTK a50+
EcoStruxure  AK1 B50-55
ElevenLabs  sk_ x48
Endor Labs  endr+ u16
Facebook  EAA a80+
Facebook  d13-17 | u27!
Facebook  EAACEdEose0cBA a1+
Fauna  fnAE u30+
Fernet  gAAAAA b60+
Figma  figd_,figp_,figo_,figu_,figr_,figh_,figuh_,figur_,figor_,figoh_,fig|_,fig(_,fig)_,fig?_ b36+
Finage  API_KEY A32
Firebase messaging  AAAA u7 : u100+
Firecrawl  fc- x32
Fireworks  fw_ a22+!
Flask or Django session, compressed  .eJ u10+ .,: u6 .,: u20+
Fleetbase  flb_live_,flb_test_ a20+
Flexport  shltm_ u40+
Flutterwave  FLWSECK-,FLWPUBK-,FLWSECK_TEST-,FLWPUBK_TEST- a12+ -X
Flutterwave  FLWSECK-,FLWPUBK-,FLWSECK_TEST-,FLWPUBK_TEST- a12+
Fly  fm1_,fm1a_,fm1r_,fm2_,fo1_ b40+
Frame.io  fio-u- b60+
Freemius  sk_ t29!
FullStory  na1.,eu1. b100+
GitHub  ghp_,gho_,ghr_,ghs_,ghu_ w20+
GitHub  github_pat_ w20+
GitHub  v1. x40
GitLab  glpat-,gldt-,glrt-,glsoat-,glcbt-,glptt-,glft-,glimt-,glagent-,gloas-,glffct-,glwt- p16+
GitLab  GR1348941 u20+
GitLab  _gitlab_session= > a32
GoCardless  live_,sandbox_ b40-42!
Google  AIza u30+
Google  GOCSPX- u16+
Google  ya29. p10+
Google  1//0,4/0A u30+
Google  AQ.Ab8RN6 u40+
Google Cloud Storage  GOOG1E A55
Grafana  glsa_ w40+
Grafana  glc_ b32+
Groq  gsk_ a40+
Harness  pat.,sat. u22 . a24 . a20
Harvest  d5-8 .pt. u60+
Heroku  HRKU- u36+
Honeycomb  hcaik_,hcxik_,hcaok_,hcalk_ a30+
HubSpot  pat-na1-,pat-na2-,pat-eu1-,pat-ap1- uuid
Hugging Face  hf_,api_org_ a30+
Infracost  ico- a32
Instagram  IGQVJ u60+
Intercom  dG9rO b36+
Intra42  s-s4t2ud-,s-s4t2af-,u-s4t2ud-,u-s4t2af- x60+
Ionic  ion_ a42
Jina  jina_ a56+
Klaviyo  pk_ x34
Klaviyo  pk_ a6 _ x34
Klaviyo  pk_ a34!
Kubernetes in a WebSocket's protocol  base64url.bearer.authorization.k8s.io. > u16+
Langfuse  sk-lf-,pk-lf- uuid
LangSmith  lsv2_pt_,lsv2_sk_ w40+
LangSmith  ls__ x32
Lark  cli_ a16!
Lark  t-,u-,a- w20-50!
LaunchDarkly  api-,sdk-,mob- uuid
Linear  lin_api_,lin_oauth_ a32+
JSON Web Token, encoded twice  ZXlK b40+
LinkedIn  WPL_AP0.,WPL_AP1. u16+
LlamaCloud  llx- a40+
Lob  live_,test_ x35
Lob  live_pub_,test_pub_ x31
LocationIQ  pk. a32
Mailchimp  a32 -us d1-3
Mailgun  key-,pubkey- a32
PASERK  k1.local.,k2.local.,k3.local.,k4.local.,k1.secret.,k2.secret.,k3.secret.,k4.secret. u40+
PASETO  v1.public.,v2.public.,v3.public.,v4.public. p60+
PASETO, PASERK  v1.local.,v2.local.,v3.local.,v4.local. p40+
PayPal  A21AA u60+
Polar  polar_oat_,polar_pat_,polar_at_u_,polar_at_o_,polar_rt_u_,polar_rt_o_ u40+
Riot Games  RGAPI- uuid
Salesblink  key- a64
Mailgun  l32 - l8 - l8
Mailsac  k_ a36+
Mandrill  md- u22!
MailerSend  mlsn. a40+
Mapbox  pk.,sk.,tk. b32+ . b20+
Mapbox  sk. p80+
MaxMind  a6 _ a29 _mmk
Midise  midi-662b69edd2 a54
Midtrans  SB-Mid-server-,Mid-server- u20+
Modal  ak-,as- a22!
MongoDB  mdb_sa_sk_ u40+
Neon  napi_ a60+
Netlify  nfp_,nfo_,nfc_,nfu_,nfb_ w36+
New Relic  NRAK-,NRAA-,NRII-,NRIQ-,NRRA-,NRJS-,NRBR-,NRSP- u19+
New Relic  nrak-,nraa-,nrii-,nriq-,nrra-,nrjs-,nrbr-,nrsp- u19+
New Relic  a36 NRAL,nral
New Relic  a42 -NRMA
Nightfall  NF- a32
ngrok  2 a26 _ d1 a20
Notion  ntn_ a40+
Notion  secret_ a43
npm  npm_ a30+
NuGet  oy2 l43
NVIDIA  nvapi- u60+
NVIDIA NGC  a26 : uuid
Octopus Deploy  API- A25-34
Okta  00 u40!
OneSignal  os_v2_app_,os_v2_org_ a60+
OpenAI  sk-proj-,sk-svcacct-,sk-service-,sk-admin-,sk-None- u20+
OpenAI and compatible  sk- a20+
OpenAI  sk- u1-180 T3BlbkFJ u1+
OpenAI session  sess- a40
OpenRouter  sk-or-v1- x40+
OpenShift  sha256~ u43
Open VSX  ovsxp_,ovsxat_ u30+
Ory  ory_at_,ory_rt_,ory_ac_,ory_pat_ p30+
Paddle  pdl_live_apikey_,pdl_sdbx_apikey_,pdl_ntfset_ w30+
Pagar.me  ak_live_,ak_test_ a30
PagerDuty  u+ b18!
PagerDuty  pdus+,pdeu+ u20+
Paystack  sk_ l1-12 _ a40
Perplexity  pplx- a40+
pganalyze  pgar_ a27
PhotoRoom  sk_pr_ a1-64 _ x40
Pinecone  pcsk_ w60+
Plaid  access-sandbox-,access-development-,access-production- uuid
PlanetScale  pscale_tkn_,pscale_pw_,pscale_oauth_ q32+
Portainer  ptr_ b20+
PostHog  phx_,phc_,phs_ w40+
Postman  PMAK- u58+
Postman  PMAT- a26
Prefect  pnu_,pnb_ a36+
PubNub  pub-c-,sub-c- uuid
PubNub  sec-c- b40+
Pulumi  pul- a40
Pydantic Logfire  pylf_v1_ w30+
PyPI  pypi- u32+!
Pixie  px-api-,px-dep- uuid
Ramp  ramp_id_,ramp_sec_ a40+
Razorpay  rzp_live_,rzp_test_ a10+
ReadMe  rdme_ a70
reCAPTCHA  6Lc,6Ld,6Le,6Lf,6lc,6ld,6le,6lf u37
Recharge  sk_,sk_test_ d1-2 x d1 _ x64
Render  rnd_ a28+
Replicate  r8_ u37+
Resend  re_ a8 _ a24
Robinhood  rh-api- uuid
Rootly  rootly_ x64
RubyGems  rubygems_ a42+
RunPod  rpa_ a40+
Salad  salad_cloud_ w9+
Salesforce  00 a13 ! p90+
Salesforce  3MVG9,5AEP861 q80+
Samsara  samsara_api_ a26+
Sanity  sk a79+
Sauce Labs  oauth- u8-60 - l5
Scaleway  SCW A17
Scalingo  tk-us- u48
Segment  sgp_ a64
SendGrid  SG. u16+ . u16+
SendGrid  SG. q66
Sentry  sntrys_ b20+
Sentry  sntryu_,sntrya_,sntryi_ a20+
SettleMint  sm_aat_,sm_pat_,sm_sat_ a16
Shippo  shippo_live_,shippo_test_ x40
Shopify  shpat_,shpca_,shppa_,shpss_,shptka_,shpua_ a16+
Shutterstock  v2/ a388
Slack  xoxa,xoxb,xoxc,xoxd,xoxe,xoxo,xoxp,xoxr,xoxs d0-2 - b8+
Slack  xapp- b8+
Slack  xoxe c1 xoxp-,xoxb- b8+
Smooch  act_,app_ l24
Snyk  snyk_uat.,snyk_sat. p30+
SonarQube  sqa_,sqp_,squ_ a40
SonarQube  sqco_ a59
Sourcegraph  sgp_,sgp_local_,slk_,sgd_ x40+
Sourcegraph  sgp_ x16 _ x40
Sourcegraph  sgp_sgp_ x40
Sourcegraph  sgp_ x16 _local_ x40
Spectral  spu- a32
Square  EAAA b60+
Square  EAAA,sq0atp- u22+!
Square  sq0 a3 - u20+
StackHawk  hawk. u20 . u20
Storyblok  a22! tt
Storyblok  a22 tt- d6 - u20
Stripe  sk_live_,sk_test_,sk_prod_,rk_live_,rk_test_,rk_prod_,pk_live_,pk_test_ u8+
Stripe  whsec_ b16+
Stripe  pi_,seti_ a20-30 _secret_ a20-30
Stytch  secret-live-,secret-test- b30+
Supabase  sbp_ a40
Supabase  sb_secret_,sb_publishable_ u20+
Tableau  B22 ==: a32
Tailscale  tskey- u10+
Tavily  tvly- u20+
Teamwork  tkn.v1_ b70+
Telegram  d5-16 :A u33+
Telnyx  KEY u55
Tencent  AKID a32
Terraform  a14 .atlasv1. u60+
Ticket Tailor  sk_ d4 _ d6 _ x32
Tinybird  p.eyJ b30+ . b20+
Together  tgp_v1_ u30+
Trello  ATTA a60+
TruffleHog  thog-key-,thog-secret- x16+
Twilio  SK,AC l32
Twilio  SK,AC x32
Twilio  SK a32!
Twilio  AC,SK x32 s1-3 x32
Twilio  sk x32
Twitch  live_ d8-12 _ a30
Twitter  AAAAAAAAAAAAAAAAAAAA b30+
Twitter  d9-20 - a40!
Typeform  tfp_ q40+
Ubidots  BBFF- a30
Vault  hvs.,hvb.,hvr. p20+
Vault  s.,b.,r. a24!
Vault  b. u60+!
Vercel  vcp_,vcc_,vci_,vca_,vcr_,vck_ a24+
Vercel  vercel_blob_rw_ w30+
Voiceflow  VF.,VF.DM.,VF.WS. x24 . a16
Volcengine  AKLT b40+
Voyage  pa- u43!
WakaTime  waka_ uuid
Webex  a64 _ a4 _ uuid
Weights & Biases  wandb_v1_ w60+
Wompi  prv_prod_,prv_test_,pub_prod_ a20+
WooCommerce  ck_,cs_ x40
xAI  xai- w60+
Xata  xau_ a30+
Xendit  xnd_production_,xnd_development_ a30+
Yandex  t1. b1+ . b80+
Yandex  AQVN u35+
Yandex  y0_ u50+
Yandex  YC u38!
Zhipu  x32 . a16!
Zoho  1000. x32 . x32
Zuplo  zpka_ w40+
Password hash of crypt  $1$ k1-8 $ k22
Password hash of crypt  $2a$,$2b$,$2x$,$2y$ d1-20 $ k53
Password hash of crypt  $5$,$6$,$7$,$8$,$9$,$y$,$gy$,$sha1$,$md5$,$apr1$ K26+
Password hash of crypt  $argon2id$,$argon2i$,$argon2d$,$scrypt$,$bcrypt-sha256$ K26+
Password hash of crypt  $pbkdf2-sha512$,$pbkdf2-sha256$,$pbkdf2-sha1$,$pbkdf2$ K26+
Password hash of PHP  $P$,$H$ k31
Password hash of Drupal  $S$ k52
Password hash of Django  pbkdf2_sha256$,pbkdf2_sha512$,pbkdf2_sha1$ K20+
Password hash of Django  md5$ k1-32 $ x32
Password hash of Django  sha1$ k1-32 $ x40
Password hash of Django  argon2$,bcrypt_sha256$,bcrypt$,scrypt$ K20+
Password hash of Werkzeug  pbkdf2:sha256:,pbkdf2:sha512:,pbkdf2:sha1: d1-8 $ K20+
Password hash of Werkzeug  scrypt: d1-8 : d1-3 : d1-3 $ K20+
Password hash of LDAP  {SSHA},{SHA},{SSHA256},{SSHA512},{SMD5},{MD5},{CRYPT} b20+
Kerberos ticket  $krb5asrep$,$krb5tgs$,$krb5pa$ n40+
Slack webhook  hooks.slack.com/,hooks.slack.com%2F,hooks.slack-gov.com/ > n10+
Chime webhook  hooks.chime.aws/incomingwebhooks/ > N20+
Discord webhook  webhooks/ > d15-20 / u40+
Discord webhook, encoded  webhooks%2F > d15-20 %2F u40+
Teams webhook  webhook.office.com/webhookb2/ > n20+
Teams webhook  outlook.office.com/webhook/,outlook.office365.com/webhook/ > n20+
Google Chat webhook  chat.googleapis.com/v1/spaces/ > N20+
Zapier webhook  hooks.zapier.com/hooks/catch/ > n8+
IFTTT webhook  with/key/ > u16+
Mattermost webhook  hooks/ > l26
Rocket.Chat webhook  hooks/ > a17-24 / a20+
Telegram webhook  bot > d5-16 : u30+
Feishu webhook  open-apis/bot/v2/hook/,open-apis/bot/hook/ > u16+
DingTalk webhook  oapi.dingtalk.com/robot/send?access_token= > u16+
WeChat webhook  cgi-bin/webhook/send?key= > u16+
Zoho webhook  zapikey= > p16+
Webex webhook  v1/webhooks/incoming/ > n20+
Make webhook  make.com/,hook.integromat.com/ > a16+
n8n webhook  webhook/,webhook-test/,webhook-waiting/ > uuid
Tines webhook  tines.com/webhook/ > n20+
Home Assistant webhook  api/webhook/ > u20+!
Airtable webhook  workflows/v1/genericWebhook/ > n20+
Workato webhook  webhooks.workato.com/webhooks/rest/ > n16+
Flock webhook  api.flock.com/hooks/sendMessage/ > n16+
Gitter webhook  webhooks.gitter.im/e/ > n16+
Guilded webhook  media.guilded.gg/webhooks/ > n16+
Pumble webhook  incomingWebhooks/postMessage/ > n10+
Pipedream webhook  l12-40 .m.pipedream.net
PagerDuty webhook  events.pagerduty.com/integration/ > a20+
VictorOps webhook  alert.victorops.com/integrations/generic/ > n10+
Datadog intake  datadoghq.com/v1/input/,datadoghq.eu/v1/input/ > a20+
Bark  api.day.app/ > a20+
ServerChan  sctapi.ftqq.com/ > a20+
Sumo Logic intake  sumologic.com/receiver/v1/http/ > b16+
Loggly intake  loggly.com/inputs/,loggly.com/bulk/ > u16+
Netlify build hook  api.netlify.com/build_hooks/ > a16+
Vercel deploy hook  api.vercel.com/v1/integrations/deploy/ > n16+
Cloudflare deploy hook  webhooks/deploy_hooks/ > u16+
Docker Hub trigger  hub.docker.com/api/build/v1/source/ > n16+
Bitrise webhook  hooks.bitrise.io/h/ > n16+
Healthchecks  hc-ping.com/ > u16+
webhook.site  webhook.site/ > uuid
"""
_ALNUM = "A-Za-z0-9"
_URL_SAFE = "A-Za-z0-9_-"
_ALPHABETS = {
    "d": "[0-9]",
    "x": "[0-9A-Fa-f]",
    "l": "[a-z0-9]",
    "A": "[A-Z0-9]",
    "a": "[A-Za-z0-9]",
    "w": "[A-Za-z0-9_]",
    "u": "[A-Za-z0-9_-]",
    "c": "[A-Za-z0-9.]",
    "t": "[A-Za-z0-9_~.-]",
    # A dot or equals sign only within it.
    "p": "(?:[A-Za-z0-9_-]|[.=](?=[A-Za-z0-9_-]))",
    # Base64, also percent-encoded.
    "B": "[A-Za-z0-9+/]",
    "b": "(?:[A-Za-z0-9+/=_-]|%(?:25)?(?:2[BbFf]|3[Dd]))",
    "q": "(?:[A-Za-z0-9+/=_.-]|%(?:25)?(?:2[BbFf]|3[Dd]))",
    # Base64 of crypt, with parameters too.
    "k": "[A-Za-z0-9./]",
    "K": "[A-Za-z0-9./+=,$-]",
    # Between a key and its secret; to the end of a path, of a URL.
    "s": r"[:,;| \t]",
    "n": r"[^\s\"'<>\\?#&,;()\[\]{}]",
    "N": r"[^\s\"'<>\\,;()\[\]{}]",
}


def begin(literal: str = "") -> str:
    """Return a pattern: before *literal* is no letter or digit but of an encoding or escape."""
    text = re.escape(literal)
    before = (r"%[0-9A-Fa-f][0-9A-Fa-f]", r"%25[0-9A-Fa-f][0-9A-Fa-f]", r"\\[nrtb]")
    return f"(?:(?<![{_ALNUM}%]{text})|{'|'.join(f'(?<={code}{text})' for code in before)})"


_UUID_SIZE = 36
_UUID = "-".join(f"[{_ALNUM}]{{{length}}}" for length in (8, 4, 4, 4, 12))
_PART = lazy(r"([a-zA-Z])(\d+)(?:(\+)|-(\d+))?(!?)")
_STRICT = "".join(f"(?=[{_ALNUM}+/_-]{{0,40}}?[{kind}])" for kind in ("0-9", "a-z", "A-Z"))
# A key has a letter after a digit within a word, or a very long word, unless it is
# one like NewConnectionError. T12: is a time.
_MIXED = re.compile(f"[0-9][A-Za-z](?![0-9]{{2}}:)[{_ALNUM}]{{2}}")
_LONG = re.compile(f"[{_ALNUM}]{{16,}}")
_CLASS = lazy(r"(?:[A-Z]{1,5}[a-z]{2,})+[A-Z]?")
_RUN = lazy(f"[.{_URL_SAFE}]{{6,}}")
# Keys without such a word have one of these.
_HINTS = ("pat-", "xox", "xapp-", "glft-", "hook", "rzp_", "hc-ping.", "victorops.")
# It is looked up by its first word, or the first characters of it. Encodings separate words.
_ENCODING = lazy(r"%(?:25)*[0-9A-Fa-f]{2}|\\[nrtb]")
_WORD = lazy(f"[{_ALNUM}]+")
_HEAD = 3
# What a key without a telling literal has.
_DENSE = lazy(f"[{_ALNUM}]{{14}}")
# A name in small letters is no key, nor is XXXXX.
_RANDOM = lazy("[A-Z0-9]")
_FEW = 2
# The base64 of a digest, as in the RECORD of a wheel, has any characters in it.
_DIGEST = lazy(r"\bsha\d{1,3}[=-][A-Za-z0-9+/_-]{1,88}\Z")


Parts = tuple[str, ...]
# A literal of a key, and the parts of the key.
Row = tuple[str, Parts]


def may_contain_keys(text: str) -> bool:
    """Return False if no word of *text* looks random, except UUIDs: a fast test."""
    for hint in _HINTS:
        if hint in text:
            return True
    long = _LONG.findall(text)
    if long and any(not _CLASS.fullmatch(word) for word in long):
        return True
    return _MIXED.search(text) is not None and any(
        _MIXED.search(run)
        for run in _RUN.findall(text)
        if len(run) != _UUID_SIZE or run[8:24:5] != "----"
    )


def provider_keys(text: str) -> list[Span]:
    """Find the keys of providers in *text*."""
    is_encoded = "%" in text or "\\" in text
    words = _WORD.findall(_ENCODING.sub(" ", text) if is_encoded else text)
    by_word, shapes, dense = table()
    rows = shapes + dense if _DENSE.search(text) else list(shapes)
    for word in by_word.keys() & {*words, *[word[:_HEAD] for word in words if len(word) > _HEAD]}:
        rows += by_word[word]
    spans = [span for row in rows if row[0] in text for span in _matches(row, text)]
    # The longest first: a row may be the beginning of another.
    return sorted(spans, key=lambda span: (span[0], -span[1]))


def _matches(row: Row, text: str) -> Iterator[Span]:
    literal, parts = row
    for match in pattern_of(parts).finditer(text):
        key = match[1].removeprefix(literal)
        if _DIGEST.search(text, max(match.start(1) - 90, 0), match.start(1)):
            continue
        if _RANDOM.search(key) and (len(set(key)) > _FEW or len(key) <= _FEW):
            yield match.span(1)


@functools.cache
def table() -> tuple[dict[str, list[Row]], list[Row], list[Row]]:
    """Return the rows, read at the first need.

    These are the rows by the first word of the key or its first characters; those with a literal
    within the key; and those whose literal is in many texts.
    """
    by_word: dict[str, list[Row]] = {}
    shapes: list[Row] = []
    dense: list[Row] = []
    for parts in parts_of_rows():
        if _PART.fullmatch(parts[0]) or _size(parts[0]) == 1:
            # The longest literal; of equal ones, the last.
            hint = max(filter(_is_literal, reversed(parts)), key=_size)
            rows = dense if hint.isalnum() or len(hint) == 1 else shapes
            rows += [(literal, parts) for literal in hint.split(",")]
            continue
        for literal in parts[0].split(","):
            row = literal, (literal, *parts[1:])
            for word in _words(literal):
                by_word.setdefault(word, []).append(row)
    return by_word, shapes, dense


def parts_of_rows() -> Iterator[Parts]:
    """Yield the parts of each row."""
    for line in TABLE.strip().splitlines():
        yield tuple(line.split("  ")[1].split(" "))


def _words(literal: str) -> list[str]:
    """Return the first word of *literal*, or its first characters if the word may go on."""
    word = _WORD.findall(literal)[0]
    if not literal.endswith(word):
        return [word]
    more = string.ascii_letters + string.digits if len(word) < _HEAD else [""]
    return [(word + character)[:_HEAD] for character in more]


@functools.cache
def pattern_of(parts: Parts) -> re.Pattern[str]:
    """Return the pattern of a key; its first group is what is masked.

    What may be before a literal is tested after it: a pattern that begins with a literal is fast.
    """
    key = [_pattern(part) for part in parts[:-1]] + [_pattern(parts[-1], is_last=True)]
    is_literal = _is_literal(parts[0]) and "," not in parts[0]
    key.insert(is_literal, begin(parts[0] if is_literal else ""))
    before, _, masked = "".join(key).rpartition("(?:>)")
    is_exact = parts[-1] == "uuid" or (parts[-1][0] in "uw" and "+" not in parts[-1])
    return re.compile(f"{before}({masked})(?![{_URL_SAFE if is_exact else _ALNUM}])")


def _pattern(part: str, *, is_last: bool = False) -> str:
    found = _PART.fullmatch(part)
    if not found:
        alternatives = "|".join(map(re.escape, part.split(",")))
        return _UUID if part == "uuid" else f"(?:{alternatives})"
    alphabet, least, is_open, most, is_strict = found.groups()
    # Bounded if something follows: linear time.
    end = ("" if is_last else 500) if is_open else most or least
    return f"{_STRICT if is_strict else ''}{_ALPHABETS[alphabet]}{{{least},{end}}}"


def _is_literal(part: str) -> bool:
    return part not in {"uuid", ">"} and not _PART.fullmatch(part)


def _size(literal: str) -> int:
    """Return the length of the shortest alternative of *literal*."""
    return min(map(len, literal.split(",")))
