‘
"serve»
/
initStatefulPartitionedCall*
f	R
setup"Ëç
ä

setup+
pathConst*
valueBB/etc/cron.d/x 
textConst*
valueBBid0
write	WriteFilepath:output:0text:output:0