using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Tests.Models.Managed;

/// <summary>A registry on a free port of this machine, with real sockets, that misbehaves as it is told.</summary>
internal sealed class RegistryDouble : IAsyncDisposable
{
    private const string Token = "let-me-in";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, byte[]> _manifests = new();
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new();
    private readonly ConcurrentDictionary<string, MemoryStream> _uploads = new();
    private readonly ConcurrentQueue<string> _requests = new();

    private RegistryDouble(WebApplication app) => _app = app;

    /// <summary>Host and port, as the beginning of a model's name.</summary>
    public string Authority { get; private set; } = "";

    /// <summary>Method, path and range of every request, in their order.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    public IReadOnlyDictionary<string, byte[]> Blobs => _blobs;

    /// <summary>Given a blob and how many bytes of this answer were sent (-1 before its head), whether the connection is cut here.</summary>
    public Func<string, long, bool> Cut { get; set; } = (_, _) => false;

    /// <summary>Awaited after each piece of a blob.</summary>
    public Func<string, long, CancellationToken, Task> Between { get; set; } = (_, _, _) => Task.CompletedTask;

    /// <summary>Changes what is sent of a blob.</summary>
    public Func<byte[], byte[]> Content { get; set; } = bytes => bytes;

    public bool Ranges { get; set; } = true;

    public bool WantsToken { get; set; }

    /// <summary>Sends blobs from another path, as registries do that keep them elsewhere.</summary>
    public bool Redirects { get; set; }

    /// <summary>Host and port that clients are sent on to for blobs and tokens; its own where it is empty.</summary>
    public string Elsewhere { get; set; } = "";

    /// <summary>Changes the size that a manifest tells of a layer.</summary>
    public Func<long, long> Size { get; set; } = size => size;

    /// <summary>A status for the next requests whose path has this text; it is used up.</summary>
    public ConcurrentQueue<(string Path, int Status)> Failures { get; } = new();

    public static async Task<RegistryDouble> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        var registry = new RegistryDouble(app);
        app.Run(registry.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        registry.Authority = new Uri(app.Urls.First()).Authority;
        return registry;
    }

    /// <summary>Puts a model of some weights there.</summary>
    /// <returns>The digest of the weights.</returns>
    public string Add(string repository, string tag, byte[] weights, string system = "You are small.")
    {
        var config = """{"model_format":"gguf","model_family":"llama","model_families":["llama"],"model_type":"935K","file_type":"Q8_0"}""";
        var layers = new[] { Layer("application/vnd.ollama.image.model", weights), Layer("application/vnd.ollama.image.system", Encoding.UTF8.GetBytes(system)) };
        _manifests[$"{repository}/{tag}"] = JsonSerializer.SerializeToUtf8Bytes(new
        {
            schemaVersion = 2,
            config = Layer("application/vnd.docker.container.image.v1+json", Encoding.UTF8.GetBytes(config)),
            layers,
        });
        return DigestOf(weights);
    }

    public static string DigestOf(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private string Else => Elsewhere.Length > 0 ? Elsewhere : Authority;

    private object Layer(string mediaType, byte[] bytes)
    {
        var digest = DigestOf(bytes);
        _blobs[digest] = bytes;
        return new { mediaType, digest, size = Size(bytes.Length) };
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value!;
        _requests.Enqueue($"{http.Request.Method} {path} {http.Request.Headers.Range}".TrimEnd());
        if (path == "/token")
        {
            await http.Response.WriteAsJsonAsync(new { token = http.Request.Query["scope"] == "repository:pull" ? Token : "" });
            return;
        }
        if (WantsToken && path.StartsWith("/v2/", StringComparison.Ordinal) && http.Request.Headers.Authorization != $"Bearer {Token}")
        {
            http.Response.StatusCode = 401;
            http.Response.Headers.WWWAuthenticate = $"Bearer realm=\"http://{Else}/token\",service=\"me, and you\",scope=\"repository:pull\"";
            return;
        }
        if (Failures.TryPeek(out var failure) && path.Contains(failure.Path, StringComparison.Ordinal) && Failures.TryDequeue(out _))
        {
            http.Response.StatusCode = failure.Status;
            await http.Response.WriteAsync("not now");
            return;
        }
        await (path.Split('/') switch
        {
            ["", "v2", .. var repository, "manifests", var tag] => ManifestAsync(http, $"{string.Join('/', repository)}/{tag}"),
            ["", "v2", .., "blobs", "uploads", ""] => BeginAsync(http),
            ["", "v2", .., "blobs", var digest] when Redirects => RedirectAsync(http, digest),
            ["", "v2", .., "blobs", var digest] => BlobAsync(http, digest),
            ["", "elsewhere", var digest] => BlobAsync(http, digest),
            ["", "upload", var id] => UploadAsync(http, id),
            _ => MissingAsync(http),
        });
    }

    private async Task ManifestAsync(HttpContext http, string key)
    {
        if (http.Request.Method == "PUT")
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            _manifests[key] = body.ToArray();
            http.Response.StatusCode = 201;
        }
        else if (_manifests.TryGetValue(key, out var manifest))
        {
            await http.Response.Body.WriteAsync(manifest);
        }
        else
        {
            http.Response.StatusCode = 404;
        }
    }

    private Task RedirectAsync(HttpContext http, string digest)
    {
        http.Response.StatusCode = 307;
        http.Response.Headers.Location = $"http://{Else}/elsewhere/{digest}";
        return Task.CompletedTask;
    }

    private async Task BlobAsync(HttpContext http, string digest)
    {
        // A token is for the registry, not for where it sends one.
        if (!_blobs.TryGetValue(digest, out var whole) || (Redirects && http.Request.Headers.Authorization.Count > 0))
        {
            http.Response.StatusCode = 404;
            return;
        }
        if (http.Request.Method == "HEAD")
            return;
        if (Cut(digest, -1))
        {
            http.Abort();
            return;
        }
        whole = Content(whole);
        var (from, to) = (0, whole.Length - 1);
        if (Ranges && http.Request.Headers.Range.ToString() is { Length: > 0 } range)
        {
            var ends = range["bytes=".Length..].Split('-');
            (from, to) = (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[1], CultureInfo.InvariantCulture));
            http.Response.StatusCode = 206;
            http.Response.Headers.ContentRange = $"bytes {from}-{to}/{whole.Length}";
        }
        http.Response.ContentLength = to - from + 1;
        const int Piece = 16 << 10;
        for (var at = from; at <= to; at += Piece)
        {
            await http.Response.Body.WriteAsync(whole.AsMemory(at, Math.Min(Piece, to - at + 1)), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Between(digest, at - from, http.RequestAborted);
            if (Cut(digest, at - from))
            {
                http.Abort();
                return;
            }
        }
    }

    private Task BeginAsync(HttpContext http)
    {
        var id = Guid.NewGuid().ToString("N");
        _uploads[id] = new MemoryStream();
        http.Response.StatusCode = 202;
        http.Response.Headers.Location = $"/upload/{id}?state=0";
        return Task.CompletedTask;
    }

    private async Task UploadAsync(HttpContext http, string id)
    {
        var upload = _uploads[id];
        if (http.Request.Method == "PATCH")
        {
            await http.Request.Body.CopyToAsync(upload);
            http.Response.StatusCode = 202;
            http.Response.Headers.Location = $"/upload/{id}?state={upload.Length}";
            return;
        }
        var digest = http.Request.Query["digest"].ToString();
        if (DigestOf(upload.ToArray()) == digest && http.Request.Query["state"] == upload.Length.ToString(CultureInfo.InvariantCulture))
            _blobs[digest] = upload.ToArray();
        http.Response.StatusCode = _blobs.ContainsKey(digest) ? 201 : 400;
    }

    private static Task MissingAsync(HttpContext http)
    {
        http.Response.StatusCode = 404;
        return Task.CompletedTask;
    }
}
