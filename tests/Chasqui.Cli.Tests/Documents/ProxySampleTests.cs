using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Chasqui.Bench.Proxy;
using Chasqui.Client;
using Chasqui.Transport.Endpoints;
using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Cli.Tests;

/// <summary>The proxies of docs/security.md, with the files that stand there, before the program: HTTP, WebSocket and MCP go through their TLS.</summary>
public sealed class ProxySampleTests : IDisposable
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("chasqui-proxy-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Theory]
    [InlineData("nginx", true)]
    [InlineData("haproxy", true)]
    [InlineData("caddy", false)]
    public async Task A_proxy_passes_all_that_it_says(string name, bool passesMessages)
    {
        var program = Programs.Find(name);
        Assert.SkipUnless(program is not null && Environment.UserName == "root", $"{name} is not installed, or this is not root, as which it starts");
        Assert.SkipUnless(name != "nginx" || File.Exists("/usr/lib/nginx/modules/ngx_stream_module.so"), "nginx has no module stream (apt-get install libnginx-mod-stream)");
        await using var gateway = ChasquiProcess.Start(_home.FullName, "serve", "--http", "127.0.0.1:0", "--mcp", "127.0.0.1:0", "--json");
        var announced = JsonElement.Parse(await gateway.Out.ReadLineAsync(Cancellation) ?? throw new InvalidOperationException(gateway.Error));
        var certificate = Certificates.Write(_home.FullName);
        var (https, messages) = (FreePort(), FreePort());
        var file = Path.Combine(_home.FullName, "proxy.conf");
        await File.WriteAllTextAsync(
            file,
            Fill(name, https, messages, certificate, new Uri(announced.GetProperty("listening")[0].GetString()!).Authority, new Uri(announced.GetProperty("mcp")[0].GetString()!).Authority),
            Cancellation);
        using var proxy = Start(name, program!, file);
        try
        {
            await ServesAsync(https, proxy);
            await ChatsAsync($"wss://localhost:{https}/ws").WaitAsync(_limit, Cancellation);
            if (passesMessages)
                await ChatsAsync($"tls://localhost:{messages}").WaitAsync(_limit, Cancellation);
        }
        finally
        {
            proxy.Kill(entireProcessTree: true);
            await proxy.WaitForExitAsync(Cancellation);
        }
    }

    private static string Fill(string name, int https, int messages, string certificate, string http, string wire)
    {
        var language = name == "caddy" ? "caddyfile" : name;
        var text = string.Join('\n', Assert.Single(DocumentSamples.Of("docs/security.md"), sample => sample.Language == language).Text) + "\n";
        foreach (var (written, meant) in new (string, string)[]
        {
            ("127.0.0.1:11435", http), ("127.0.0.1:11436", wire),
            ("listen 443", $"listen {https}"), ("listen 11443", $"listen {messages}"), ("bind :443", $"bind :{https}"), ("bind :11443", $"bind :{messages}"),
            ("/etc/ssl/ai.example.org.pem", certificate), ("/etc/ssl/ai.example.org.key", certificate), ("/etc/haproxy/ai.example.org.pem", certificate),
            ("ai.example.org {", $"https://localhost:{https} {{\n  tls {certificate} {certificate}"),
            ("server_tokens off;", "server_tokens off;\n  access_log off;"), ("  servers {", "  admin off\n  auto_https disable_redirects\n  servers {"),
        })
        {
            text = text.Replace(written, meant, StringComparison.Ordinal);
        }
        return text;
    }

    private Process Start(string name, string program, string file)
    {
        var folder = _home.FullName;
        string[] arguments = name switch
        {
            "nginx" => ["-e", Path.Combine(folder, "error.log"), "-g", $"daemon off; pid {folder}/nginx.pid;", "-c", file],
            "haproxy" => ["-db", "-f", file],
            _ => ["run", "--adapter", "caddyfile", "--config", file],
        };
        return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, WorkingDirectory = folder, Environment = { ["HOME"] = folder, ["XDG_DATA_HOME"] = folder } })!;
    }

    /// <summary>Until it answers, and then token by token.</summary>
    private static async Task ServesAsync(int port, Process proxy)
    {
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate is X509Certificate2 } }) { BaseAddress = new Uri($"https://localhost:{port}") };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(_limit);
        while (true)
        {
            try
            {
                using var answer = await http.PostAsync(
                    new Uri("api/chat", UriKind.Relative), new StringContent("""{"model":"mini","messages":[{"role":"user","content":"x"}],"options":{"num_predict":8}}"""), limit.Token);
                var text = await answer.Content.ReadAsStringAsync(limit.Token);
                Assert.Equal((HttpStatusCode.OK, true), (answer.StatusCode, text.Contains("\"done\":true", StringComparison.Ordinal)));
                return;
            }
            catch (HttpRequestException e) when (e.InnerException is SocketException)
            {
                Assert.False(proxy.HasExited);
            }
        }
    }

    private static async Task ChatsAsync(string endpoint)
    {
        await using var client = new ChasquiClient(new ChasquiClientOptions { Endpoint = endpoint, Tls = new TlsOptions { Validate = static (_, certificate, _, _) => certificate is X509Certificate2 } });
        var request = new Messages.ChatRequest { Model = "mini", Messages = { new Messages.ChatMessage { Role = "user", Content = "x" } }, Common = new Messages.GenerationCommon { Options = new Messages.GenerationOptions { NumPredict = 4 } } };
        var updates = 0;
        await foreach (var update in client.ChatAsync(request, cancellationToken: Cancellation))
            updates++;
        Assert.True(updates > 0);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
