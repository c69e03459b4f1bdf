using System.Net;
using System.Net.Http.Headers;

namespace Chasqui.Cli.Tests;

/// <summary>Keys of the program itself: the gateway in one process, its operator and its clients in others.</summary>
public sealed class KeysProcessTests : IDisposable
{
    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("chasqui cli ");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _home.Delete(recursive: true);

    [Fact]
    public async Task Keys_made_and_removed_beside_a_gateway_hold_within_a_second()
    {
        await using var serve = Start("serve", "--http", "127.0.0.1:0");
        using var http = new HttpClient { BaseAddress = await AddressAsync(serve) };
        Assert.Equal(HttpStatusCode.OK, await TagsAsync(null));

        var key = await TextAsync("keys", "add", "laptop");
        await UntilAsync(null, HttpStatusCode.Unauthorized);
        Assert.Equal(HttpStatusCode.OK, await TagsAsync(key));
        await using (var ask = Start("ask", "--server", http.BaseAddress.ToString(), "--key", key, "--num-predict", "4", "Hello"))
        {
            ask.In.Close();
            Assert.NotEmpty(await ask.Out.ReadToEndAsync(Cancellation));
            Assert.Equal(0, await ask.EndAsync());
        }
        await TextAsync("keys", "add", "other");
        await TextAsync("keys", "rm", "laptop");
        await UntilAsync(key, HttpStatusCode.Unauthorized);

        await serve.SignalAsync("TERM");
        Assert.Equal(0, await serve.EndAsync());
        Assert.DoesNotContain(key, serve.Error, StringComparison.Ordinal);

        async Task<HttpStatusCode> TagsAsync(string? key)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "api/tags");
            if (key is not null)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            using var answer = await http.SendAsync(request, Cancellation);
            return answer.StatusCode;
        }

        async Task UntilAsync(string? key, HttpStatusCode status)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (await TagsAsync(key) != status)
                limit.Token.ThrowIfCancellationRequested();
        }
    }

    [Fact]
    public async Task Other_machines_are_listened_for_with_a_key_or_when_told_so()
    {
        await using (var refused = Start("serve", "--http", "0.0.0.0:0"))
        {
            Assert.Equal(1, await refused.EndAsync());
            Assert.Equal(
                "error: 0.0.0.0:0 can be reached from other machines, and there is no key, so everyone could use the gateway; make one with 'chasqui keys add NAME', "
                + "or let everyone in with --allow-anonymous or Keys:AllowAnonymous\n", refused.Error.ReplaceLineEndings("\n"));
        }
        await using (var open = Start("serve", "--http", "0.0.0.0:0", "--allow-anonymous"))
        {
            Assert.Contains("is listening on http://0.0.0.0:", await open.Out.ReadLineAsync(Cancellation), StringComparison.Ordinal);
            await open.ErrorLineAsync("there is no key, so whoever reaches 0.0.0.0:0 can use this gateway");
        }
        await TextAsync("keys", "add", "laptop");
        await using var keyed = Start("serve", "--http", "0.0.0.0:0");
        Assert.Contains("is listening on http://0.0.0.0:", await keyed.Out.ReadLineAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_that_make_keys_at_once_lose_none()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => TextAsync("keys", "add", $"k{i}")));

        var list = await TextAsync("keys", "list");
        Assert.All(made, key => Assert.Contains(key[4..16], list, StringComparison.Ordinal));
    }

    private ChasquiProcess Start(params string[] args) => ChasquiProcess.Start(_home.FullName, args);

    private async Task<string> TextAsync(params string[] args)
    {
        await using var process = Start(args);
        var text = await process.Out.ReadToEndAsync(Cancellation);
        Assert.True(await process.EndAsync() == 0, process.Error);
        return text.Trim();
    }

    private static async Task<Uri> AddressAsync(ChasquiProcess serve)
    {
        var line = await serve.Out.ReadLineAsync(Cancellation);
        Assert.True(line is not null, serve.Error);
        return new Uri(line[line.IndexOf("http", StringComparison.Ordinal)..]);
    }
}
