BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE boots (
	"boot_id" VARCHAR(80) NOT NULL, 
	"at_ms" BIGINT NOT NULL, 
	"build" VARCHAR(80) NOT NULL, 
	"ended_ms" BIGINT, 
	PRIMARY KEY ("boot_id")
);
INSERT INTO "boots" VALUES('boot-1',1795176000000,'build-1',1795176002120);
CREATE TABLE commands (
	"id" VARCHAR(80) NOT NULL, 
	"cmd" VARCHAR(24) NOT NULL, 
	"args" JSON NOT NULL, 
	"by" VARCHAR(80) NOT NULL, 
	"sent_ms" BIGINT, 
	"seen_ms" BIGINT NOT NULL, 
	"state" VARCHAR(16) NOT NULL, 
	"done_ms" BIGINT, 
	"reason" TEXT, 
	"result" JSON, 
	PRIMARY KEY ("id")
);
INSERT INTO "commands" VALUES('c-1','flatten','{"a":"b"}','operator',1795262400000,1795262406190,'done',1795262406190,'flat','{"fills":"2"}');
CREATE TABLE days (
	"day" VARCHAR(10) NOT NULL, 
	"start_equity" VARCHAR(80) NOT NULL, 
	"start_unrealized" VARCHAR(80) NOT NULL, 
	"peak_equity" VARCHAR(80) NOT NULL, 
	"realized" VARCHAR(80) NOT NULL, 
	"fees" VARCHAR(80) NOT NULL, 
	"transfers" VARCHAR(80) NOT NULL, 
	"breaker_ms" BIGINT, 
	"counters" JSON NOT NULL, 
	PRIMARY KEY ("day")
);
INSERT INTO "days" VALUES('2026-11-20','10000','0','10000','-12.529999992000000039999999800000000999999995','5.21','0',NULL,'{"decisions":2,"signal_buy":2,"orders":4,"orders_buy":2,"lots_opened":2,"entries":2,"orders_sell":2,"lots_closed":2,"wins":1,"losses":1}');
INSERT INTO "days" VALUES('2026-11-21','9987.469999935','0','9987.469999935','0','0.6','-915.99',NULL,'{"decisions":1,"signal_buy":1,"orders":2,"orders_buy":1,"lots_opened":1,"entries":1,"orders_sell":1}');
CREATE TABLE events (
	"seq" INTEGER NOT NULL, 
	"at_ms" BIGINT NOT NULL, 
	"boot_id" VARCHAR(80) NOT NULL, 
	"data" TEXT NOT NULL, 
	"chain" VARCHAR(64) NOT NULL, 
	PRIMARY KEY ("seq")
);
INSERT INTO "events" VALUES(1,1795176000000,'boot-1','[["boot",{"boot_id":"boot-1","at_ms":1795176000000,"build":"build-1"}]]','dc3ebb486d31dfc216bbd40210ecdf13a0d5105ccdee50b1571c3ff876b5256b');
INSERT INTO "events" VALUES(2,1795176000000,'boot-1','[["fact",{"key":"mode","value":"sim"}]]','51976abe60f4f5d72ec2f006040acbbf29de0e90c946433b255ae6bb9dc80244');
INSERT INTO "events" VALUES(3,1795176000000,'boot-1','[["fact",{"key":"balances","value":"1795176000000|USD=10000|"}],["day",{"day":"2026-11-20","start_equity":"10000","peak_equity":"10000","counters":{}}],["fact",{"key":"curve","value":"1 10000 1"}],["fact",{"key":"peak_equity","value":"10000"}]]','90b8a84966bc782f7abbbcaddb30e63945e25f45622a0a2c057d97c95b5ba5c9');
INSERT INTO "events" VALUES(4,1795176001030,'boot-1','[["day",{"day":"2026-11-20","counters":{"decisions":1}}],["day",{"day":"2026-11-20","counters":{"signal_buy":1}}],["fact",{"key":"used_bar:BTC-USD","value":"1795176000"}],["order",{"client_order_id":"ct-main-000000003865abbd5e25e445bac8e635","product_id":"BTC-USD","side":"BUY","kind":"market","purpose":"entry","quote_size":"2000","tp_pct":"3.8","lot_kind":"runner","expected_price":"100","boot_id":"boot-1","created_ms":1795176001000,"state":"new","updated_ms":1795176001000}],["fact",{"key":"entries_sent","value":"1795176001000 BTC-USD market 2000.00 None None"}],["day",{"day":"2026-11-20","counters":{"orders":1}}],["day",{"day":"2026-11-20","counters":{"orders_buy":1}}],["note",{"kind":"order","level":"info","text":"BTC-USD buys for 2,000.00 USD (runner)","product_id":"BTC-USD","ref":"ct-main-000000003865abbd5e25e445bac8e635","data":{"quote_size":"2000"}}],["order",{"client_order_id":"ct-main-000000003865abbd5e25e445bac8e635","order_id":"v-e445bac8e635","state":"open","updated_ms":1795176001010}],["order",{"client_order_id":"ct-main-000000003865abbd5e25e445bac8e635","state":"filled","filled_size":"1.5","updated_ms":1795176001020}],["fill",{"order_id":"v-e445bac8e635","trade_id":"t1","client_order_id":"ct-main-000000003865abbd5e25e445bac8e635","product_id":"BTC-USD","side":"BUY","price":"100","base_size":"1.5","fee":"1.35","liquidity":"taker","exchange_ms":1795176001020,"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","received_ms":1795176001030}],["order",{"client_order_id":"ct-main-000000003865abbd5e25e445bac8e635","updated_ms":1795176001030}],["fact",{"key":"balances","value":"1795176000000|BTC=1.5 USD=9848.65||BTC=-1.5 USD=151.35"}],["lot",{"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","seq":1,"product_id":"BTC-USD","kind":"runner","opened_ms":1795176001030,"tp_pct":"3.8","take_price":"103.8","stop_price":"95","price_increment":"0.01"}],["fact",{"key":"last_add:BTC-USD","value":"1795176001030"}],["day",{"day":"2026-11-20","counters":{"lots_opened":1}}],["note",{"kind":"entry","level":"info","text":"BTC-USD runner opened at 100.00, take 103.80","product_id":"BTC-USD","ref":"ct-main-000000003865abbd5e25e445bac8e635","data":{"open_price":"100","base_size":"1.5","take_price":"103.8"}}],["day",{"day":"2026-11-20","counters":{"entries":1}}],["lot",{"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","exit_client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f"}],["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","product_id":"BTC-USD","side":"SELL","kind":"limit","purpose":"take","base_size":"1.5","limit_price":"103.8","post_only":true,"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","expected_price":"100","boot_id":"boot-1","created_ms":1795176001030,"state":"new","updated_ms":1795176001030}],["day",{"day":"2026-11-20","counters":{"orders":2}}],["day",{"day":"2026-11-20","counters":{"orders_sell":1}}]]','e98fcd21a1edde78bb56594c7a313a8d96451f05a3ff7d4c9e5929a8a1e1c2cd');
INSERT INTO "events" VALUES(5,1795176001040,'boot-1','[["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","order_id":"v-e9e6f2a1d93f","state":"open","updated_ms":1795176001040}]]','9059dba9e1c62629fa26106ab735af09dfc4c8fb0c1c5296679fada5048f7d25');
INSERT INTO "events" VALUES(6,1795176001050,'boot-1','[["fill",{"order_id":"v-e9e6f2a1d93f","trade_id":"t2","client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","product_id":"BTC-USD","side":"SELL","price":"103.8","base_size":"0.5","fee":"0.25","liquidity":"taker","exchange_ms":1795176001040,"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","received_ms":1795176001050}],["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","filled_size":"0.5","updated_ms":1795176001050}],["fact",{"key":"balances","value":"1795176000000|BTC=1 USD=9900.3||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65"}]]','4a02d70359acb1409955ea7b519ed6af83c56095fd7de7a315255866aae5a632');
INSERT INTO "events" VALUES(7,1795176001060,'boot-1','[["fill",{"order_id":"v-e9e6f2a1d93f","trade_id":"t3","client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","product_id":"BTC-USD","side":"SELL","price":"103.8","base_size":"0.7","fee":"0.25","liquidity":"taker","exchange_ms":1795176001050,"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","received_ms":1795176001060}],["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","filled_size":"1.2","updated_ms":1795176001060}],["fact",{"key":"balances","value":"1795176000000|BTC=0.3 USD=9972.71||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41"}]]','2e20664c85da86e859677f3068d01b9fd17a79cc1b6e6148d0a3b8286b3cba7b');
INSERT INTO "events" VALUES(8,1795176001070,'boot-1','[["fill",{"order_id":"v-e9e6f2a1d93f","trade_id":"t4","client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","product_id":"BTC-USD","side":"SELL","price":"103.8","base_size":"0.3","fee":"0.25","liquidity":"taker","exchange_ms":1795176001060,"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","received_ms":1795176001070}],["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","filled_size":"1.5","updated_ms":1795176001070}],["fact",{"key":"balances","value":"1795176000000|USD=10003.6||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41|BTC=0.3 USD=-30.89"}],["lot",{"lot_id":"ct-main-000000003865abbd5e25e445bac8e635","exit_reason":"take","closed_ms":1795176001070}],["fact",{"key":"results","value":"1.0 0.0 2.3785926660059467 0.0"}],["day",{"day":"2026-11-20","counters":{"lots_closed":1}}],["day",{"day":"2026-11-20","counters":{"wins":1}}],["note",{"kind":"exit","level":"good","text":"BTC-USD runner closed at its take: +3.60","product_id":"BTC-USD","ref":"ct-main-000000003865abbd5e25e445bac8e635","data":{"realized_pnl":"3.6","reason":"take"}}]]','92727f7f08b36e5c57fb75e4b291a5d3db3be2060c05df042c38f42e6df92fff');
INSERT INTO "events" VALUES(9,1795176001080,'boot-1','[["order",{"client_order_id":"ct-main-000000003f42022f2072e9e6f2a1d93f","state":"filled","updated_ms":1795176001080}]]','3dc7d3daa52999063448d3c57c285dd6001cdff3d16384fb72755c58aace40aa');
INSERT INTO "events" VALUES(10,1795176002110,'boot-1','[["day",{"day":"2026-11-20","counters":{"decisions":2}}],["day",{"day":"2026-11-20","counters":{"signal_buy":2}}],["fact",{"key":"used_bar:BTC-USD","value":"1795176060"}],["order",{"client_order_id":"ct-main-0000000071d7c88fef076524d59f4317","product_id":"BTC-USD","side":"BUY","kind":"market","purpose":"entry","quote_size":"2000.72","tp_pct":"3.8","lot_kind":"runner","expected_price":"100","boot_id":"boot-1","created_ms":1795176001080,"state":"new","updated_ms":1795176001080}],["fact",{"key":"entries_sent","value":"1795176001000 BTC-USD market 2000.00 None None;1795176001080 BTC-USD market 2000.72 None None"}],["day",{"day":"2026-11-20","counters":{"orders":3}}],["day",{"day":"2026-11-20","counters":{"orders_buy":2}}],["note",{"kind":"order","level":"info","text":"BTC-USD buys for 2,000.72 USD (runner)","product_id":"BTC-USD","ref":"ct-main-0000000071d7c88fef076524d59f4317","data":{"quote_size":"2000.72"}}],["order",{"client_order_id":"ct-main-0000000071d7c88fef076524d59f4317","order_id":"v-6524d59f4317","state":"open","updated_ms":1795176002090}],["order",{"client_order_id":"ct-main-0000000071d7c88fef076524d59f4317","state":"filled","filled_size":"2.00000001","updated_ms":1795176002100}],["fill",{"order_id":"v-6524d59f4317","trade_id":"t5","client_order_id":"ct-main-0000000071d7c88fef076524d59f4317","product_id":"BTC-USD","side":"BUY","price":"90.5","base_size":"2.00000001","fee":"1.6","liquidity":"taker","exchange_ms":1795176002100,"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","received_ms":1795176002110}],["order",{"client_order_id":"ct-main-0000000071d7c88fef076524d59f4317","updated_ms":1795176002110}],["fact",{"key":"balances","value":"1795176000000|BTC=2.00000001 USD=9820.999999095||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41|BTC=0.3 USD=-30.89"}],["lot",{"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","seq":2,"product_id":"BTC-USD","kind":"runner","opened_ms":1795176002110,"tp_pct":"3.8","take_price":"93.94","stop_price":"85.97","price_increment":"0.01"}],["fact",{"key":"last_add:BTC-USD","value":"1795176002110"}],["day",{"day":"2026-11-20","counters":{"lots_opened":2}}],["note",{"kind":"entry","level":"info","text":"BTC-USD runner opened at 90.50, take 93.94","product_id":"BTC-USD","ref":"ct-main-0000000071d7c88fef076524d59f4317","data":{"open_price":"90.5","base_size":"2.00000001","take_price":"93.94"}}],["day",{"day":"2026-11-20","counters":{"entries":2}}],["lot",{"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","exit_client_order_id":"ct-main-00000000335bbabe449bb0556a986871"}],["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","product_id":"BTC-USD","side":"SELL","kind":"limit","purpose":"take","base_size":"2.00000001","limit_price":"93.94","post_only":true,"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","expected_price":"90.5","boot_id":"boot-1","created_ms":1795176002110,"state":"new","updated_ms":1795176002110}],["day",{"day":"2026-11-20","counters":{"orders":4}}],["day",{"day":"2026-11-20","counters":{"orders_sell":2}}]]','447d044678602d0fab22f73413cb73c22924d718c5a056a4e64305abefc2a34f');
INSERT INTO "events" VALUES(11,1795176002120,'boot-1','[["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","order_id":"v-b0556a986871","state":"open","updated_ms":1795176002120}]]','ef45c1efa7a774d80b360d43b2dba037559e9288e607002857d98df48a425f0b');
INSERT INTO "events" VALUES(12,1795176002120,'boot-1','[["boot_end",{"boot_id":"boot-1","ended_ms":1795176002120}]]','393097a6b1aae27de324153df1108cda74f2bbbb657bbc4481112164ea21bba7');
INSERT INTO "events" VALUES(13,1795176003120,'boot-1','[["lot",{"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","exit_reason":"stop"}],["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","state":"cancelling","updated_ms":1795176003120}]]','3760368a3fc22697957a9be25c7083479226826b018b196f24a46d18eee0fc7a');
INSERT INTO "events" VALUES(14,1795176003130,'boot-1','[["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","updated_ms":1795176003130}]]','5ffec1052cf21bd7bbd236bcf23b2c4ca94946a899a04536951e8ecd5cc955e0');
INSERT INTO "events" VALUES(15,1795176003140,'boot-1','[["fill",{"order_id":"v-b0556a986871","trade_id":"t6","client_order_id":"ct-main-00000000335bbabe449bb0556a986871","product_id":"BTC-USD","side":"SELL","price":"83.99","base_size":"2","fee":"1.51","liquidity":"taker","exchange_ms":1795176003130,"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","received_ms":1795176003140}],["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","filled_size":"2","updated_ms":1795176003140}],["fact",{"key":"balances","value":"1795176000000|BTC=0.00000001 USD=9987.469999095||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41|BTC=0.3 USD=-30.89"}]]','3e61cad4836788b602095728516f025581a2b0138dd04eb16a2ec791294df8b4');
INSERT INTO "events" VALUES(16,1795176003150,'boot-1','[["order",{"client_order_id":"ct-main-00000000335bbabe449bb0556a986871","state":"filled","updated_ms":1795176003150}],["lot",{"lot_id":"ct-main-0000000071d7c88fef076524d59f4317","closed_ms":1795176003150}],["fact",{"key":"loss_streak","value":"1"}],["fact",{"key":"results","value":"0.99 1.0 2.354806739345887 8.833515833546922"}],["day",{"day":"2026-11-20","counters":{"lots_closed":2}}],["day",{"day":"2026-11-20","counters":{"losses":1}}],["note",{"kind":"exit","level":"info","text":"BTC-USD runner closed at its stop: -16.13, dust 0.00000001 stays","product_id":"BTC-USD","ref":"ct-main-0000000071d7c88fef076524d59f4317","data":{"realized_pnl":"-16.129999992000000039999999800000000999999995","reason":"stop"}}]]','0e36e66bf06be47866a85820614ccaade2d3f302faaa84befe510276df853e67');
INSERT INTO "events" VALUES(17,1795262405150,'boot-1','[["fact",{"key":"loss_streak","value":"0"}],["note",{"kind":"day","level":"info","text":"2026-11-20 ended: -12.53 USD","data":{"data_day":"2026-11-20"}}],["day",{"day":"2026-11-21","start_equity":"9987.469999935","peak_equity":"9987.469999935","counters":{}}],["fact",{"key":"trips_since","value":"1795262404150"}],["fact",{"key":"last_trip:stale","value":"1795262404150"}]]','4c8bb864ab5de9368f2913c6712412d8b6dc11b6a3480c585d0e619606ada6a9');
INSERT INTO "events" VALUES(18,1795262406180,'boot-1','[["day",{"day":"2026-11-21","counters":{"decisions":1}}],["day",{"day":"2026-11-21","counters":{"signal_buy":1}}],["fact",{"key":"used_bar:BTC-USD","value":"1795262340"}],["order",{"client_order_id":"ct-main-000000002ad23583fcbe6d0258de31a0","product_id":"BTC-USD","side":"BUY","kind":"market","purpose":"entry","quote_size":"1997.49","tp_pct":"3.8","lot_kind":"runner","expected_price":"101.25","boot_id":"boot-1","created_ms":1795262406150,"state":"new","updated_ms":1795262406150}],["fact",{"key":"entries_sent","value":"1795262406150 BTC-USD market 1997.49 None None"}],["day",{"day":"2026-11-21","counters":{"orders":1}}],["day",{"day":"2026-11-21","counters":{"orders_buy":1}}],["note",{"kind":"order","level":"info","text":"BTC-USD buys for 1,997.49 USD (runner)","product_id":"BTC-USD","ref":"ct-main-000000002ad23583fcbe6d0258de31a0","data":{"quote_size":"1997.49"}}],["order",{"client_order_id":"ct-main-000000002ad23583fcbe6d0258de31a0","order_id":"v-6d0258de31a0","state":"open","updated_ms":1795262406160}],["order",{"client_order_id":"ct-main-000000002ad23583fcbe6d0258de31a0","state":"filled","filled_size":"0.7","updated_ms":1795262406170}],["fill",{"order_id":"v-6d0258de31a0","trade_id":"t7","client_order_id":"ct-main-000000002ad23583fcbe6d0258de31a0","product_id":"BTC-USD","side":"BUY","price":"101.25","base_size":"0.7","fee":"0.6","liquidity":"taker","exchange_ms":1795262406170,"lot_id":"ct-main-000000002ad23583fcbe6d0258de31a0","received_ms":1795262406180}],["order",{"client_order_id":"ct-main-000000002ad23583fcbe6d0258de31a0","updated_ms":1795262406180}],["fact",{"key":"balances","value":"1795176000000|BTC=0.70000001 USD=9915.994999095||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41|BTC=0.3 USD=-30.89"}],["lot",{"lot_id":"ct-main-000000002ad23583fcbe6d0258de31a0","seq":3,"product_id":"BTC-USD","kind":"runner","opened_ms":1795262406180,"tp_pct":"3.8","take_price":"105.1","stop_price":"96.18","price_increment":"0.01"}],["fact",{"key":"last_add:BTC-USD","value":"1795262406180"}],["day",{"day":"2026-11-21","counters":{"lots_opened":1}}],["note",{"kind":"entry","level":"info","text":"BTC-USD runner opened at 101.25, take 105.10","product_id":"BTC-USD","ref":"ct-main-000000002ad23583fcbe6d0258de31a0","data":{"open_price":"101.25","base_size":"0.7","take_price":"105.1"}}],["day",{"day":"2026-11-21","counters":{"entries":1}}],["lot",{"lot_id":"ct-main-000000002ad23583fcbe6d0258de31a0","exit_client_order_id":"ct-main-000000007c68c6b0e797c42fdeb52ade"}],["order",{"client_order_id":"ct-main-000000007c68c6b0e797c42fdeb52ade","product_id":"BTC-USD","side":"SELL","kind":"limit","purpose":"take","base_size":"0.7","limit_price":"105.1","post_only":true,"lot_id":"ct-main-000000002ad23583fcbe6d0258de31a0","expected_price":"101.25","boot_id":"boot-1","created_ms":1795262406180,"state":"new","updated_ms":1795262406180}],["day",{"day":"2026-11-21","counters":{"orders":2}}],["day",{"day":"2026-11-21","counters":{"orders_sell":1}}]]','1710c7301ed30eacd140dc6f22d748d69c7846157f0ecd0b78e11a31833210da');
INSERT INTO "events" VALUES(19,1795262406190,'boot-1','[["order",{"client_order_id":"ct-main-000000007c68c6b0e797c42fdeb52ade","order_id":"v-c42fdeb52ade","state":"open","updated_ms":1795262406190}]]','b2a6a5c07e29080347931f2bf083176bfd10c8b35c6ae4ef126f9804c72570ae');
INSERT INTO "events" VALUES(20,1795262406190,'boot-1','[["transfer",{"day":"2026-11-21","amount":"-915.99"}]]','9914c18faadd7f38c4742434fd8da9e22fbd71b44cdf7970d858b9d3a9b1e952');
INSERT INTO "events" VALUES(21,1795262406190,'boot-1','[["command",{"id":"c-1","cmd":"flatten","args":{"a":"b"},"by":"operator","sent_ms":1795262400000,"seen_ms":1795262406190,"state":"seen"}]]','ccbcd7d7cfb0dfd6cd0e90f82d8ecae4356c04e4cdd5bcc50b1a6b4770408d1f');
INSERT INTO "events" VALUES(22,1795262406190,'boot-1','[["receipt",{"id":"c-1","state":"done","reason":"flat","result":{"fills":"2"},"done_ms":1795262406190}]]','e4ed643a878d9cfcccd74c9e7156732f7c318e47653df6aaa65ff3dc2bb2274c');
INSERT INTO "events" VALUES(23,1795262406190,'boot-1','[["latch",{"latch_id":"kill-1","kind":"kill","at_ms":1795262406190,"source":"operator","note":"a test"}]]','9eb3bda5da305f8b8531489eaf8b4ad3c330318e755a68554ef24f39d00c86c7');
INSERT INTO "events" VALUES(24,1795262406195,'boot-1','[["lift",{"latch_id":"kill-1","lifted_ms":1795262406195,"lifted_by":"operator"}]]','7c91a03bd6bb7e9b2b9fe7e0cf38567136564f200441836c1d418a1158dc2b1e');
CREATE TABLE facts (
	"key" VARCHAR(80) NOT NULL, 
	"value" TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "facts" VALUES('mode','sim');
INSERT INTO "facts" VALUES('balances','1795176000000|BTC=0.70000001 USD=9915.994999095||BTC=-1.5 USD=151.35|BTC=0.5 USD=-51.65|BTC=0.7 USD=-72.41|BTC=0.3 USD=-30.89');
INSERT INTO "facts" VALUES('curve','1 10000 1');
INSERT INTO "facts" VALUES('peak_equity','10000');
INSERT INTO "facts" VALUES('used_bar:BTC-USD','1795262340');
INSERT INTO "facts" VALUES('entries_sent','1795262406150 BTC-USD market 1997.49 None None');
INSERT INTO "facts" VALUES('last_add:BTC-USD','1795262406180');
INSERT INTO "facts" VALUES('results','0.99 1.0 2.354806739345887 8.833515833546922');
INSERT INTO "facts" VALUES('loss_streak','0');
INSERT INTO "facts" VALUES('trips_since','1795262404150');
INSERT INTO "facts" VALUES('last_trip:stale','1795262404150');
CREATE TABLE fills (
	"order_id" VARCHAR(80) NOT NULL, 
	"trade_id" VARCHAR(80) NOT NULL, 
	"client_order_id" VARCHAR(80) NOT NULL, 
	"product_id" VARCHAR(32) NOT NULL, 
	"side" VARCHAR(4) NOT NULL, 
	"price" VARCHAR(80) NOT NULL, 
	"base_size" VARCHAR(80) NOT NULL, 
	"fee" VARCHAR(80) NOT NULL, 
	"liquidity" VARCHAR(8) NOT NULL, 
	"exchange_ms" BIGINT NOT NULL, 
	"received_ms" BIGINT NOT NULL, 
	"lot_id" VARCHAR(80), 
	PRIMARY KEY ("order_id", "trade_id")
);
INSERT INTO "fills" VALUES('v-e445bac8e635','t1','ct-main-000000003865abbd5e25e445bac8e635','BTC-USD','BUY','100','1.5','1.35','taker',1795176001020,1795176001030,'ct-main-000000003865abbd5e25e445bac8e635');
INSERT INTO "fills" VALUES('v-e9e6f2a1d93f','t2','ct-main-000000003f42022f2072e9e6f2a1d93f','BTC-USD','SELL','103.8','0.5','0.25','taker',1795176001040,1795176001050,'ct-main-000000003865abbd5e25e445bac8e635');
INSERT INTO "fills" VALUES('v-e9e6f2a1d93f','t3','ct-main-000000003f42022f2072e9e6f2a1d93f','BTC-USD','SELL','103.8','0.7','0.25','taker',1795176001050,1795176001060,'ct-main-000000003865abbd5e25e445bac8e635');
INSERT INTO "fills" VALUES('v-e9e6f2a1d93f','t4','ct-main-000000003f42022f2072e9e6f2a1d93f','BTC-USD','SELL','103.8','0.3','0.25','taker',1795176001060,1795176001070,'ct-main-000000003865abbd5e25e445bac8e635');
INSERT INTO "fills" VALUES('v-6524d59f4317','t5','ct-main-0000000071d7c88fef076524d59f4317','BTC-USD','BUY','90.5','2.00000001','1.6','taker',1795176002100,1795176002110,'ct-main-0000000071d7c88fef076524d59f4317');
INSERT INTO "fills" VALUES('v-b0556a986871','t6','ct-main-00000000335bbabe449bb0556a986871','BTC-USD','SELL','83.99','2','1.51','taker',1795176003130,1795176003140,'ct-main-0000000071d7c88fef076524d59f4317');
INSERT INTO "fills" VALUES('v-6d0258de31a0','t7','ct-main-000000002ad23583fcbe6d0258de31a0','BTC-USD','BUY','101.25','0.7','0.6','taker',1795262406170,1795262406180,'ct-main-000000002ad23583fcbe6d0258de31a0');
CREATE TABLE journal (
	"seq" INTEGER NOT NULL, 
	"at_ms" BIGINT NOT NULL, 
	"kind" VARCHAR(16) NOT NULL, 
	"level" VARCHAR(8) NOT NULL, 
	"product_id" VARCHAR(32), 
	"ref" VARCHAR(80), 
	"text" TEXT NOT NULL, 
	"data" JSON, 
	PRIMARY KEY ("seq")
);
INSERT INTO "journal" VALUES(1,1795176001030,'order','info','BTC-USD','ct-main-000000003865abbd5e25e445bac8e635','BTC-USD buys for 2,000.00 USD (runner)','{"quote_size":"2000"}');
INSERT INTO "journal" VALUES(2,1795176001030,'entry','info','BTC-USD','ct-main-000000003865abbd5e25e445bac8e635','BTC-USD runner opened at 100.00, take 103.80','{"open_price":"100","base_size":"1.5","take_price":"103.8"}');
INSERT INTO "journal" VALUES(3,1795176001070,'exit','good','BTC-USD','ct-main-000000003865abbd5e25e445bac8e635','BTC-USD runner closed at its take: +3.60','{"realized_pnl":"3.6","reason":"take"}');
INSERT INTO "journal" VALUES(4,1795176002110,'order','info','BTC-USD','ct-main-0000000071d7c88fef076524d59f4317','BTC-USD buys for 2,000.72 USD (runner)','{"quote_size":"2000.72"}');
INSERT INTO "journal" VALUES(5,1795176002110,'entry','info','BTC-USD','ct-main-0000000071d7c88fef076524d59f4317','BTC-USD runner opened at 90.50, take 93.94','{"open_price":"90.5","base_size":"2.00000001","take_price":"93.94"}');
INSERT INTO "journal" VALUES(6,1795176003150,'exit','info','BTC-USD','ct-main-0000000071d7c88fef076524d59f4317','BTC-USD runner closed at its stop: -16.13, dust 0.00000001 stays','{"realized_pnl":"-16.129999992000000039999999800000000999999995","reason":"stop"}');
INSERT INTO "journal" VALUES(7,1795262405150,'day','info',NULL,NULL,'2026-11-20 ended: -12.53 USD','{"data_day":"2026-11-20"}');
INSERT INTO "journal" VALUES(8,1795262406180,'order','info','BTC-USD','ct-main-000000002ad23583fcbe6d0258de31a0','BTC-USD buys for 1,997.49 USD (runner)','{"quote_size":"1997.49"}');
INSERT INTO "journal" VALUES(9,1795262406180,'entry','info','BTC-USD','ct-main-000000002ad23583fcbe6d0258de31a0','BTC-USD runner opened at 101.25, take 105.10','{"open_price":"101.25","base_size":"0.7","take_price":"105.1"}');
CREATE TABLE latches (
	"latch_id" VARCHAR(80) NOT NULL, 
	"kind" VARCHAR(16) NOT NULL, 
	"at_ms" BIGINT NOT NULL, 
	"source" VARCHAR(80) NOT NULL, 
	"note" TEXT, 
	"lifted_ms" BIGINT, 
	"lifted_by" VARCHAR(80), 
	PRIMARY KEY ("latch_id")
);
INSERT INTO "latches" VALUES('kill-1','kill',1795262406190,'operator','a test',1795262406195,'operator');
CREATE TABLE lots (
	"lot_id" VARCHAR(80) NOT NULL, 
	"seq" INTEGER NOT NULL, 
	"product_id" VARCHAR(32) NOT NULL, 
	"kind" VARCHAR(8) NOT NULL, 
	"opened_ms" BIGINT NOT NULL, 
	"open_price" VARCHAR(80) NOT NULL, 
	"base_bought" VARCHAR(80) NOT NULL, 
	"base_left" VARCHAR(80) NOT NULL, 
	"cost" VARCHAR(80) NOT NULL, 
	"entry_fee" VARCHAR(80) NOT NULL, 
	"tp_pct" VARCHAR(80) NOT NULL, 
	"take_price" VARCHAR(80) NOT NULL, 
	"stop_price" VARCHAR(80), 
	"trail_active" BOOLEAN NOT NULL, 
	"trail_peak" VARCHAR(80), 
	"trail_stop" VARCHAR(80), 
	"price_increment" VARCHAR(80) NOT NULL, 
	"exit_reason" VARCHAR(16), 
	"exit_client_order_id" VARCHAR(80), 
	"proceeds" VARCHAR(80) NOT NULL, 
	"exit_fee" VARCHAR(80) NOT NULL, 
	"closed_ms" BIGINT, 
	"realized_pnl" VARCHAR(80), 
	"dust" VARCHAR(80) NOT NULL, 
	PRIMARY KEY ("lot_id")
);
INSERT INTO "lots" VALUES('ct-main-000000003865abbd5e25e445bac8e635',1,'BTC-USD','runner',1795176001030,'100','1.5','0','150','1.35','3.8','103.8','95',0,NULL,NULL,'0.01','take','ct-main-000000003f42022f2072e9e6f2a1d93f','155.7','0.75',1795176001070,'3.6','0');
INSERT INTO "lots" VALUES('ct-main-0000000071d7c88fef076524d59f4317',2,'BTC-USD','runner',1795176002110,'90.5','2.00000001','0','181.000000905','1.6','3.8','93.94','85.97',0,NULL,NULL,'0.01','stop','ct-main-00000000335bbabe449bb0556a986871','167.98','1.51',1795176003150,'-16.129999992000000039999999800000000999999995','0.00000001');
INSERT INTO "lots" VALUES('ct-main-000000002ad23583fcbe6d0258de31a0',3,'BTC-USD','runner',1795262406180,'101.25','0.7','0.7','70.875','0.6','3.8','105.1','96.18',0,NULL,NULL,'0.01',NULL,'ct-main-000000007c68c6b0e797c42fdeb52ade','0','0',NULL,NULL,'0');
CREATE TABLE orders (
	"client_order_id" VARCHAR(80) NOT NULL, 
	"order_id" VARCHAR(80), 
	"product_id" VARCHAR(32) NOT NULL, 
	"side" VARCHAR(4) NOT NULL, 
	"kind" VARCHAR(16) NOT NULL, 
	"purpose" VARCHAR(16) NOT NULL, 
	"base_size" VARCHAR(80), 
	"quote_size" VARCHAR(80), 
	"limit_price" VARCHAR(80), 
	"post_only" BOOLEAN NOT NULL, 
	"lot_id" VARCHAR(80), 
	"command_id" VARCHAR(80), 
	"retry_of" VARCHAR(80), 
	"tp_pct" VARCHAR(80), 
	"lot_kind" VARCHAR(8), 
	"expected_price" VARCHAR(80), 
	"boot_id" VARCHAR(80) NOT NULL, 
	"created_ms" BIGINT NOT NULL, 
	"state" VARCHAR(16) NOT NULL, 
	"reason" TEXT, 
	"filled_size" VARCHAR(80) NOT NULL, 
	"updated_ms" BIGINT NOT NULL, 
	"counted_size" VARCHAR(80) DEFAULT '0' NOT NULL, 
	"counted_quote" VARCHAR(80) DEFAULT '0' NOT NULL, 
	"settled" BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY ("client_order_id"), 
	UNIQUE ("order_id")
);
INSERT INTO "orders" VALUES('ct-main-000000003865abbd5e25e445bac8e635','v-e445bac8e635','BTC-USD','BUY','market','entry',NULL,'2000',NULL,0,NULL,NULL,NULL,'3.8','runner','100','boot-1',1795176001000,'filled',NULL,'1.5',1795176001030,'1.5','150',1);
INSERT INTO "orders" VALUES('ct-main-000000003f42022f2072e9e6f2a1d93f','v-e9e6f2a1d93f','BTC-USD','SELL','limit','take','1.5',NULL,'103.8',1,'ct-main-000000003865abbd5e25e445bac8e635',NULL,NULL,NULL,NULL,'100','boot-1',1795176001030,'filled',NULL,'1.5',1795176001080,'1.5','155.7',1);
INSERT INTO "orders" VALUES('ct-main-0000000071d7c88fef076524d59f4317','v-6524d59f4317','BTC-USD','BUY','market','entry',NULL,'2000.72',NULL,0,NULL,NULL,NULL,'3.8','runner','100','boot-1',1795176001080,'filled',NULL,'2.00000001',1795176002110,'2.00000001','181.000000905',1);
INSERT INTO "orders" VALUES('ct-main-00000000335bbabe449bb0556a986871','v-b0556a986871','BTC-USD','SELL','limit','take','2.00000001',NULL,'93.94',1,'ct-main-0000000071d7c88fef076524d59f4317',NULL,NULL,NULL,NULL,'90.5','boot-1',1795176002110,'filled',NULL,'2',1795176003150,'2','167.98',1);
INSERT INTO "orders" VALUES('ct-main-000000002ad23583fcbe6d0258de31a0','v-6d0258de31a0','BTC-USD','BUY','market','entry',NULL,'1997.49',NULL,0,NULL,NULL,NULL,'3.8','runner','101.25','boot-1',1795262406150,'filled',NULL,'0.7',1795262406180,'0.7','70.875',1);
INSERT INTO "orders" VALUES('ct-main-000000007c68c6b0e797c42fdeb52ade','v-c42fdeb52ade','BTC-USD','SELL','limit','take','0.7',NULL,'105.1',1,'ct-main-000000002ad23583fcbe6d0258de31a0',NULL,NULL,NULL,NULL,'101.25','boot-1',1795262406180,'open',NULL,'0',1795262406190,'0','0',0);
CREATE INDEX orders_state ON orders ("state");
CREATE INDEX orders_created ON orders ("created_ms");
CREATE INDEX orders_settled ON orders ("settled");
CREATE INDEX orders_lot ON orders ("lot_id", "command_id");
CREATE INDEX fills_time ON fills ("exchange_ms");
CREATE INDEX lots_open ON lots ("closed_ms");
CREATE INDEX commands_seen ON commands ("seen_ms");
CREATE INDEX journal_kind ON journal ("kind", "at_ms");
CREATE INDEX journal_ref ON journal ("ref");
COMMIT;
