using Chasqui.Gateway;

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
