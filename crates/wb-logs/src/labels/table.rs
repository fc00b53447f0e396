//! [`LABELS`]: which keys mean what. Data, no code.

use wb_core::DigestAlgorithm;

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Time,
    Level,
    Message,
    /// The name of what happened; the grammar reads it.
    Event,
    Actor,
    Approver,
    Host,
    /// The destination's name if the record is about a connection, else the host's.
    HostOrDestination,
    Service,
    Process,
    Model,
    Version,
    Stage,
    File,
    /// A file if it looks like one, a URL's path if the record has a request.
    Path,
    Hash(DigestAlgorithm),
    /// A digest whose length tells the algorithm.
    AnyHash,
    Change,
    Incident,
    /// Where a model came from.
    Origin,
    /// A URL: where a model came from, or what was requested.
    Url,
    Source,
    SourcePort,
    Destination,
    DestinationPort,
    /// A port of the destination if the record names one.
    Port,
    Domain,
    Transport,
    Protocol,
    BytesOut,
    BytesIn,
    Verdict,
    /// A verdict if it is the word for one, else the name of what happened.
    VerdictOrEvent,
    Method,
    Command,
    Rule,
    Question,
    Answers,
}

/// Keys and their meaning. A key stands once.
#[rustfmt::skip]
pub(super) const LABELS: &[(Slot, &str)] = &[
    (
        Slot::Time,
        "ts t time timestamp datetime date eventtime eventtimestamp createdat requestreceivedtimestamp \
        stagetimestamp lasttimestamp realtimetimestamp asctime when occurredat loggedat receivedat starttime \
        start timegenerated unixtime epoch isotime timelocal timeiso8601 timems tsms timestampms eventcreated \
        calendartime created opened detectedat reportedat publishedat updatedat lastupdated submittimestamp dt @timestamp @t",
    ),
    (Slot::Level, "level loglevel levelname lvl severity severitytext priority lev @l"),
    (
        Slot::Message,
        "message msg log text title headline eventoriginal description summary detail details shortmessage \
        fullmessage body output @m",
    ),
    (
        Slot::Event,
        "event eventtype eventname eventaction type operation operationname operationtype methodname verb \
        activity reason eventkind subtype op what category change_type phase task job step",
    ),
    (
        Slot::Actor,
        "actor user username principal requester requestedby by initiator initiatedby author who createdby owner \
        userid useridentityarn useridentityusername principalemail account accountname subject operator \
        triggeredby deployedby uploadedby submittedby committer login email userprincipalname sub caller \
        changedby modifiedby runby acct auid actorname actoremail useremail usersname useridentity suser duser",
    ),
    (
        Slot::Approver,
        "approvedby approver reviewer reviewedby signedoffby authorizedby authorisedby approvers",
    ),
    (
        Slot::Host,
        "hostname nodename computer server instance machine agentname dvchost devicename servername_host podname pod \
        instanceid agenthostname system sensor node worker nodeid",
    ),
    (Slot::HostOrDestination, "host"),
    (
        Slot::Service,
        "service servicename syslogidentifier app application logger loggername component program comm unit \
        systemdunit container containername processname module namespace source.name",
    ),
    (Slot::Process, "pid processpid procid"),
    (
        Slot::Model,
        "model modelname registeredmodel registeredmodelname modelid deployment servable endpoint_model",
    ),
    (Slot::Version, "version modelversion ver rev revision tag release versionid servableversion"),
    (Slot::Stage, "stage tostage targetstage environment env newstage currentstage channel"),
    (
        Slot::File,
        "file filename filepath artifact artifactpath artifactname modelpath modelfile modeluri object key \
        target targetpath weights checkpoint bundle image_file targetfile destpath",
    ),
    (Slot::Path, "path uri requesturi requestpath urlpath urioriginal httpuri"),
    (
        Slot::Hash(DigestAlgorithm::Sha256),
        "sha256 sha256sum filesha256 artifactsha256 hashsha256 modelsha256 sha256hash digestsha256 \
        filehashsha256 sha256digest checksumsha256",
    ),
    (Slot::Hash(DigestAlgorithm::Md5), "md5 md5sum filemd5 hashmd5 filehashmd5"),
    (Slot::Hash(DigestAlgorithm::Sha1), "sha1 sha1sum filesha1 hashsha1 filehashsha1"),
    (Slot::Hash(DigestAlgorithm::Sha512), "sha512 sha512sum hashsha512"),
    (
        Slot::AnyHash,
        "hash digest checksum filehash modelhash artifacthash artifactdigest modeldigest modelchecksum contenthash \
        filedigest newhash actualhash",
    ),
    (
        Slot::Change,
        "change changeid changerequest changenumber chg ticket ticketid ticketnumber jira approvalid cr rfc \
        changeticket workorder crq requestticket changeref ticketref issue",
    ),
    (Slot::Incident, "incident incidentid incidentnumber caseid alertid"),
    (
        Slot::Origin,
        "sourceuri srcuri origin originuri upstream repo repository repoid hub storageuri modeldataurl artifacturi \
        modelsource downloadurl imageuri registry sourceurl pulledfrom fetchedfrom downloadedfrom hfrepo sourcerepo \
        runsource sourcerepository image",
    ),
    (Slot::Url, "url link href requesturl httpurl urlfull urloriginal location"),
    (
        Slot::Source,
        "src srcip srcaddr source sourceip sourceaddress saddr sourceaddr client clientip clientaddress idorigh orighost \
        origh from cip sourceipaddress remoteip xforwardedfor localaddress localip downstreamremoteaddress srchost \
        ipsource pktsrcaddr sourceips callerip clientaddr laddr srcaddress connsrc",
    ),
    (Slot::SourcePort, "spt sport srcport sourceport idorigp origp clientport localport connsport"),
    (
        Slot::Destination,
        "dst dstip dstaddr dest destip destination destinationip destinationaddress daddr remote remoteip_dest \
        remoteaddress serverip serveraddr idresph resph desthost dstaddress to peer raddr ipdestination upstreamhost \
        pktdstaddr connectto destaddr remoteaddr targetip targethost rhost fdrip fdsip",
    ),
    (
        Slot::DestinationPort,
        "dpt dport dstport destport destinationport remoteport idrespp respp serverport targetport fdrport fdsport",
    ),
    (Slot::Port, "port"),
    (
        Slot::Domain,
        "dsthost dsthostname desthostname destinationdomain destdomain domain sni servername tlssni fqdn dhost httphost \
        urldomain authority requestedservername httphostname hostheader remotehost destname dstname dnsname \
        destinationhost destinationhostname dstdomain desthostfqdn destinationnames fdrname",
    ),
    (Slot::Transport, "proto transport ipproto networktransport l4proto"),
    (Slot::Protocol, "protocol appproto networkprotocol application_protocol"),
    (
        Slot::BytesOut,
        "out bytesout sent bytessent tx txbytes origbytes sentbyte bytestoserver flowbytestoserver egressbytes \
        sourcebytes requestbodylen upbytes bytesup outbytes outboundbytes sentbytes uploadbytes origipbytes",
    ),
    (
        Slot::BytesIn,
        "in bytesin received bytesreceived rx rxbytes respbytes rcvdbyte bytestoclient flowbytestoclient \
        ingressbytes destinationbytes responsebodylen downbytes inbytes rcvdbytes downloadbytes",
    ),
    (
        Slot::Verdict,
        "verdict decision disposition policyaction allowed fwaction firewallaction alertaction ruleaction",
    ),
    (Slot::VerdictOrEvent, "action status result outcome act state"),
    (Slot::Method, "method httpmethod requestmethod httprequestmethod httphttpmethod"),
    (
        Slot::Command,
        "command cmd cmdline commandline processcommandline procargs proccmdline argv args execcmd",
    ),
    (
        Slot::Rule,
        "rule rulename ruleid signature signatureid alertsignature alertname policy note ruledescription alertrule",
    ),
    (Slot::Question, "query qname rrname dnsquery dnsrrname dnsquestionname question queryname"),
    (Slot::Answers, "answers answer dnsanswers rdata resolvedip dnsresolvedip"),
];
