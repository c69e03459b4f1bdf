using Chasqui.Gateway;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Chasqui.Server.Tests.Keys;

/// <summary>The file of keys: what is written is read, nothing is lost, and what is damaged is no empty file.</summary>
public sealed class KeyFileTests : IDisposable
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("chasqui-keys-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private KeyFile File => new(_folder.FullName, TimeProvider.System);

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task What_is_written_is_read()
    {
        Assert.Empty(File.Read());
        var full = new AccessKey
        {
            Caller = new Caller
            {
                Id = "abcdefghijkl",
                Name = "läptop \"1\"",
                Tenant = "blue",
                Weight = 2.5,
                Priority = PriorityClass.Batch,
                MostUrgent = PriorityClass.Normal,
                Scopes = Scopes.Infer | Scopes.Admin,
                Models = ["llama3*", "mini:q4"],
                Limit = new TrafficLimit { RequestsPerMinute = 0, RequestBurst = 2, TokensPerMinute = 3, TokenBurst = 4 },
            },
            Hash = KeySecret.Hash("a"),
            Created = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            Expires = new DateTimeOffset(2027, 1, 2, 3, 4, 5, TimeSpan.Zero),
        };
        var plain = new AccessKey { Caller = new Caller { Id = "ABCDEFGHIJKL", Name = "b", Scopes = Scopes.None }, Hash = KeySecret.Hash("b") };

        await File.ChangeAsync(_ => [full, plain], Cancellation);

        var read = File.Read();
        Assert.Equal(2, read.Count);
        Assert.Equal(full.Hash.ToArray(), read[0].Hash.ToArray());
        Assert.Equal((full.Created, full.Expires), (read[0].Created, read[0].Expires));
        Assert.Equal(full.Caller.Models, read[0].Caller.Models);
        Assert.Equal(full.Caller with { Models = [] }, read[0].Caller with { Models = [] });
        Assert.Equal(plain.Caller with { Models = [] }, read[1].Caller with { Models = [] });
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File.Path));
    }

    [Fact]
    public async Task Many_at_once_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(
            () => File.ChangeAsync(keys => [.. keys, new AccessKey { Caller = new Caller { Id = KeySecret.Make().Id, Name = $"k{i}" }, Hash = KeySecret.Hash("x") }], Cancellation),
            Cancellation)));

        Assert.Equal(20, File.Read().Select(key => key.Caller.Name).Distinct().Count());
        Assert.Equal(["keys.json", "keys.json.lock"], _folder.GetFiles("keys*").Select(file => file.Name).Order());
    }

    [Fact]
    public async Task A_change_that_fails_changes_nothing()
    {
        await File.ChangeAsync(_ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a" }, Hash = KeySecret.Hash("a") }], Cancellation);

        await Assert.ThrowsAsync<InvalidOperationException>(() => File.ChangeAsync(_ => throw new InvalidOperationException(), Cancellation));

        Assert.Single(File.Read());
    }

    /// <summary>Each byte in turn becomes one that breaks text, structure or both. Whatever follows from it, it is this one exception or none.</summary>
    [Fact]
    public async Task A_bad_byte_anywhere_is_a_damaged_file_and_no_crash()
    {
        await File.ChangeAsync(
            _ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a", Models = ["mini*"], Limit = new TrafficLimit { TokensPerMinute = 3 } }, Hash = KeySecret.Hash("a") }],
            Cancellation);
        var good = await System.IO.File.ReadAllBytesAsync(File.Path, Cancellation);
        var refused = 0;
        foreach (var bad in new byte[] { 0xFF, 0xC3, 0, (byte)'"', (byte)'\\', (byte)'{', (byte)']', (byte)':' })
        {
            for (var at = 0; at < good.Length; at++)
            {
                var damaged = (byte[])good.Clone();
                damaged[at] = bad;
                await System.IO.File.WriteAllBytesAsync(File.Path, damaged, Cancellation);
                if (Record.Exception(File.Read) is not { } error)
                    continue;
                Assert.IsType<KeyFileException>(error);
                refused++;
            }
        }

        Assert.InRange(refused, good.Length, good.Length * 8);
    }

    [Fact]
    public async Task The_folder_is_made_durable_once_the_file_has_its_name()
    {
        var synced = new List<(string Folder, bool HasFile)>();
        var file = new KeyFile(_folder.FullName, TimeProvider.System) { SyncFolder = folder => synced.Add((folder, System.IO.File.Exists(File.Path))) };

        await file.ChangeAsync(_ => [new AccessKey { Caller = new Caller { Id = "abcdefghijkl", Name = "a" }, Hash = KeySecret.Hash("a") }], Cancellation);

        Assert.Equal([(_folder.FullName, true)], synced);
    }

    [Theory]
    [InlineData("/dev/zero", "is no regular file")]
    [InlineData("/dev/urandom", "is no regular file")]
    [InlineData("PIPE", "it is no regular file")]
    [InlineData("FOLDER", "it is a folder")]
    [InlineData("LARGE", "is larger than 32 MiB")]
    public async Task What_is_no_regular_file_or_too_large_is_not_read_and_the_old_keys_stay(string what, string said)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such files");
        var log = new LineList<KeyWatch>();
        await using var gateway = await RunningGateway.StartAsync(KeyModels.Engine(), configure: builder => builder.Services.AddSingleton<ILogger<KeyWatch>>(log));
        var key = await gateway.AddKeyAsync("ci");
        var watch = gateway.App.Services.GetRequiredService<KeyWatch>();
        var path = gateway.App.Services.GetRequiredService<KeyFile>().Path;
        System.IO.File.Delete(path);
        switch (what)
        {
            case "PIPE":
                using (var pipe = System.Diagnostics.Process.Start("mkfifo", [path]))
                    await pipe.WaitForExitAsync(Cancellation);
                break;
            case "FOLDER":
                Directory.CreateDirectory(path);
                break;
            case "LARGE":
                await using (var large = System.IO.File.Create(path))
                    large.SetLength((32 << 20) + 1);
                break;
            default:
                System.IO.File.CreateSymbolicLink(path, what);
                break;
        }

        var error = Assert.Throws<KeyFileException>(() => gateway.App.Services.GetRequiredService<KeyFile>().Read());
        watch.Look();
        watch.Look();

        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Single(log.Lines, line => line.Contains("those that held before still hold", StringComparison.Ordinal));
        using var answer = await gateway.SendAsync(HttpMethod.Get, "/api/tags", key);
        using var none = await gateway.SendAsync(HttpMethod.Get, "/api/tags", null);
        Assert.Equal((200, 401), ((int)answer.StatusCode, (int)none.StatusCode));
    }

    [Fact]
    public async Task More_keys_than_there_can_be_are_refused()
    {
        var keys = string.Join(",\n", Enumerable.Range(0, KeyFile.MaxKeys + 1).Select(i => $$"""{"id":"k{{i:D11}}","name":"a","hash":"{{Hash}}"}"""));
        await System.IO.File.WriteAllTextAsync(File.Path, $$"""{"version":1,"keys":[{{keys}}]}""", Cancellation);

        Assert.Contains($"line {KeyFile.MaxKeys + 1}: \"keys:{KeyFile.MaxKeys}\" is one key too many", Assert.Throws<KeyFileException>(() => File.Read()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "is no file of keys")]
    [InlineData("{\n\"version\": 1,\n\"keys\": [{]\n}", " line 3: is no file of keys")]
    [InlineData("// none", " line 1: is no file of keys: it is empty; ")]
    [InlineData("{\"version\":1,}}",
        " line 1: is no file of keys: '}' stands after the end of the value; there must be one value alone; put its last good copy back")]
    [InlineData("[]", " line 1: is no file of keys: it must be an object")]
    [InlineData("{\"version\":1,\n\"keys\":[{\"id\":\"\\ud800\"}]}", " line 2: is no file of keys: a text is not valid UTF-8, or has half a surrogate pair")]
    [InlineData("{}", "\"version\" is missing")]
    [InlineData("{\"version\":1}", "\"keys\" is missing")]
    [InlineData("{\n\"version\":2,\"keys\":[]}", " line 2: \"version\" is 2, but this program knows version 1")]
    [InlineData("{\"version\":1,\"keys\":[{\n\"id\":\"abcdefghijkl\"}]}", " line 1: \"name\" is missing; it must be 1 to 100 characters without control characters")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"short\",\"name\":\"a\",\"hash\":\"HASH\"}]}", " line 1: \"keys:0:id\" must be 12 letters and digits")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\n\"hash\":\"12\"}]}", " line 2: \"keys:0:hash\" must be 64 hexadecimal digits")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\",\n\"request_per_minute\":5}]}", " line 2: \"keys:0:request_per_minute\" is unknown")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\",\n\"tokens_per_minute\":-5}]}", " line 2: \"keys:0:tokens_per_minute\" must be a whole number from 0")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\",\"scopes\":[\"root\"]}]}", "has \"root\", but each must be infer, models or admin")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\",\"models\":\"mini\"}]}", "\"keys:0:models\" must be a list of texts")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\",\"models\":[{\"a\":1}]}]}", "is unknown")]
    [InlineData("{\"version\":1,\"keys\":[{\"id\":\"abcdefghijkl\",\"name\":\"a\",\"hash\":\"HASH\"},{\"id\":\"abcdefghijkl\",\"name\":\"b\",\"hash\":\"HASH\"}]}", "as that of another key")]
    public async Task What_is_damaged_stops_the_start_and_is_named(string text, string said)
    {
        await System.IO.File.WriteAllTextAsync(File.Path, text.Replace("HASH", Hash, StringComparison.Ordinal), Cancellation);

        var error = Assert.Throws<KeyFileException>(() => File.Read());
        await Assert.ThrowsAsync<KeyFileException>(() => File.ChangeAsync(keys => keys, Cancellation));
        var start = Assert.Throws<KeyFileException>(() => GatewayHost.Build(new GatewayOptions { Data = new DataOptions { Folder = _folder.FullName } }, new ScriptedEngine()));

        Assert.StartsWith(File.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message, start.Message);
        Assert.DoesNotContain('\n', error.Message);
    }
}
