#!/bin/sh
# This is a shell archive (produced by GNU sharutils 4.15.2).
# To extract the files from this archive, save it to some FILE, remove
# everything before the '#!/bin/sh' line above, then type 'sh FILE'.
#
lock_dir=_sh06947
# Made on 2026-11-28 01:23 UTC by <a@b.example>.
# Source directory was '/tmp/tiny'.
#
# Existing files will *not* be overwritten, unless '-c' is specified.
#
# This shar contains:
# length mode       name
# ------ ---------- ------------------------------------------
#      8 -rw-r--r-- numbers.txt
#
MD5SUM=${MD5SUM-md5sum}
f=`${MD5SUM} --version | egrep '^md5sum .*(core|text)utils'`
test -n "${f}" && md5check=true || md5check=false
${md5check} || \
  echo 'Note: not verifying md5sums.  Consider installing GNU coreutils.'
if test "X$1" = "X-c"
then keep_file=''
else keep_file=true
fi
echo=echo
if (echo "testing\c"; echo 1,2,3) | grep c >/dev/null
then if (echo -n test; echo 1,2,3) | grep n >/dev/null
     then shar_n= shar_c='
'
     else shar_n=-n shar_c= ; fi
else shar_n= shar_c='\c' ; fi
if test ! -d ${lock_dir} ; then :
else ${echo} "lock directory ${lock_dir} exists"
     exit 1
fi
if mkdir ${lock_dir}
then ${echo} "x - created lock directory ${lock_dir}."
else ${echo} "x - failed to create lock directory ${lock_dir}."
     exit 1
fi
# ============= numbers.txt ==============
if test -n "${keep_file}" && test -f 'numbers.txt'
then
${echo} "x - SKIPPING numbers.txt (file already exists)"

else
${echo} "x - extracting numbers.txt (text)"
  sed 's/^X//' << 'SHAR_EOF' > 'numbers.txt' &&
0.1 0.2
SHAR_EOF
  chmod 0644 'numbers.txt'
if test $? -ne 0
then ${echo} "restore of numbers.txt failed"
fi
  if ${md5check}
  then (
       ${MD5SUM} -c >/dev/null 2>&1 || ${echo} 'numbers.txt': 'MD5 check failed'
       ) << \SHAR_EOF
a0ae4328d6868c3972ae9727060ddaf3  numbers.txt
SHAR_EOF

else
test `LC_ALL=C wc -c < 'numbers.txt'` -ne 8 && \
  ${echo} "restoration warning:  size of 'numbers.txt' is not 8"
  fi
fi
if rm -fr ${lock_dir}
then ${echo} "x - removed lock directory ${lock_dir}."
else ${echo} "x - failed to remove lock directory ${lock_dir}."
     exit 1
fi
exit 0
