using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using StackExchange.Redis;

namespace Chasqui.Server.Tests.Caching;

/// <summary>Answers in a Redis that two gateways share, with the server that is on the PATH.</summary>
public sealed class RedisTests
{
    private const string Chat = """{"model":"mini","messages":[{"role":"user","content":"x"}],"stream":false,"options":{"temperature":0}}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateways_share_answers_and_a_redis_that_is_gone_costs_a_miss()
    {
        var program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, "redis-server is not on the PATH");
        var port = FreePort();
        using var redis = Process.Start(new ProcessStartInfo(program!, ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]) { RedirectStandardOutput = true })!;
        try
        {
            while (await redis.StandardOutput.ReadLineAsync(Cancellation) is { } line && !line.Contains("Ready to accept connections", StringComparison.Ordinal))
            {
                // It says what it does.
            }
            var where = $"127.0.0.1:{port}";
            await using var one = await CacheTests.StartAsync(where);
            await using var two = await CacheTests.StartAsync(where);
            var made = await CacheTests.SendAsync(one, "/api/chat", Chat);
            // Nobody waits for an answer to be kept there.
            await using (var direct = await ConnectionMultiplexer.ConnectAsync(where))
            {
                while (direct.GetServer(where).DatabaseSize() == 0)
                    await Task.Yield();
            }
            var found = await CacheTests.SendAsync(two, "/api/chat", Chat);
            Assert.Equal(("miss", "hit", made.Text), (made.Cache, found.Cache, found.Text));
            Assert.Equal((1, 0), (CacheTests.Posts(one), CacheTests.Posts(two)));

            redis.Kill();
            await redis.WaitForExitAsync(Cancellation);
            var other = Chat.Replace("\"x\"", "\"y\"", StringComparison.Ordinal);
            Assert.Equal("miss", (await CacheTests.SendAsync(one, "/api/chat", other)).Cache);
            Assert.Equal("hit", (await CacheTests.SendAsync(one, "/api/chat", other)).Cache);
        }
        finally
        {
            if (!redis.HasExited)
                redis.Kill();
        }
    }

    [Fact]
    public async Task A_redis_that_never_was_there_costs_a_miss()
    {
        await using var fleet = await CacheTests.StartAsync($"127.0.0.1:{FreePort()}");
        Assert.Equal("miss", (await CacheTests.SendAsync(fleet, "/api/chat", Chat)).Cache);
        Assert.Equal("hit", (await CacheTests.SendAsync(fleet, "/api/chat", Chat)).Cache);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
