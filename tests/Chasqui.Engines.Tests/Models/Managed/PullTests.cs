using Chasqui.Engines.Models.Managed.Registry;

namespace Chasqui.Engines.Tests.Models.Managed;

/// <summary>Transfers from and to a registry with real sockets.</summary>
public sealed class PullTests : IAsyncLifetime
{
    private RegistryDouble _registry = null!;
    private string _digest = "";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Name => $"http://{_registry.Authority}/library/small:1";

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryDouble.StartAsync();
        _digest = _registry.Add("library/small", "1", StoreBed.Mini);
    }

    public ValueTask DisposeAsync() => _registry.DisposeAsync();

    [Theory]
    [InlineData(false, false, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, true)]
    [InlineData(false, false, false)]
    public async Task A_model_comes_in_ranges_or_whole_with_a_token_or_without_from_elsewhere_or_not(bool token, bool redirects, bool ranges)
    {
        (_registry.WantsToken, _registry.Redirects, _registry.Ranges) = (token, redirects, ranges);
        await using var bed = new StoreBed();

        var said = await PullAsync(bed);

        var weights = said.Where(step => step.Digest == _digest).ToList();
        Assert.Equal(["pulling manifest", "verifying sha256 digest", "writing manifest", "success"], said.Where(step => step.Digest is null).Select(step => step.Status));
        Assert.Equal($"pulling {_digest[7..19]}", weights[^1].Status);
        Assert.Equal((StoreBed.Mini.Length, StoreBed.Mini.Length), ((int)weights[^1].Total!, (int)weights[^1].Completed!));
        Assert.Equal("You are small.", bed.Models.Find($"{_registry.Authority}/library/small:1", Token).System);
        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.BlobPath(_digest), Token));
        Assert.DoesNotContain(bed.Blobs, blob => blob.Contains("partial", StringComparison.Ordinal));
        if (ranges)
            Assert.True(_registry.Requests.Count(request => request.Contains("bytes=", StringComparison.Ordinal)) >= 4);
    }

    [Fact]
    public async Task A_pull_that_is_broken_off_again_and_again_goes_on_where_it_was()
    {
        _registry.Cut = (_, sent) => sent >= 64 << 10;
        await using var bed = new StoreBed();

        await PullAsync(bed);

        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.BlobPath(_digest), Token));
    }

    [Fact]
    public async Task A_registry_that_never_gets_further_is_given_up_and_what_came_is_kept()
    {
        var answers = 0;
        _registry.Cut = (digest, at) => digest == _digest && (at < 0 ? Interlocked.Increment(ref answers) > 2 : at >= 64 << 10);
        await using var bed = new StoreBed(registry: StoreBed.Hasty with { Parallel = 1 });

        var e = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed));

        Assert.StartsWith("max retries exceeded", e.Message);
        Assert.Contains(bed.Blobs, blob => blob.EndsWith("-partial", StringComparison.Ordinal));
        Assert.DoesNotContain(bed.Models.List(Token), m => m.Name.Contains("small", StringComparison.Ordinal));

        _registry.Cut = (_, _) => false;
        await PullAsync(bed);
        Assert.DoesNotContain(bed.Blobs, blob => blob.Contains("partial", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Wrong_bytes_are_not_kept()
    {
        _registry.Content = bytes => [.. bytes.Select(b => (byte)~b)];
        await using var bed = new StoreBed();

        var e = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed));

        Assert.StartsWith($"digest mismatch, file must be downloaded again: want {_digest}", e.Message);
        Assert.Empty(bed.Blobs);
    }

    [Fact]
    public async Task Damage_in_what_was_kept_is_found_and_fetched_again()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var bed = new StoreBed(registry: StoreBed.Hasty with { Parallel = 1 });
        await CancelAfterAsync(bed, 300 << 10, stop);
        var partial = bed.BlobPath(_digest) + "-partial";
        await using (var file = new FileStream(partial, FileMode.Open))
        {
            file.Position = 100;
            file.Write("damage"u8);
        }

        await PullAsync(bed);

        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.BlobPath(_digest), Token));
    }

    [Fact]
    public async Task A_cancelled_pull_is_gone_on_with()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        await using var bed = new StoreBed(registry: StoreBed.Hasty with { Parallel = 1 });
        await CancelAfterAsync(bed, 300 << 10, stop);
        var asked = _registry.Requests.Count;

        var said = await PullAsync(bed);

        var ranges = _registry.Requests.Skip(asked).Where(request => request.Contains(_digest, StringComparison.Ordinal)).ToList();
        Assert.DoesNotContain(ranges, range => range.Contains("bytes=0-", StringComparison.Ordinal));
        Assert.Equal("success", said[^1].Status);
        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.BlobPath(_digest), Token));
    }

    [Fact]
    public async Task A_registry_that_falls_silent_is_asked_again()
    {
        var held = 0;
        _registry.Between = (digest, _, cancelled) =>
            digest == _digest && Interlocked.Increment(ref held) == 2 ? Task.Delay(Timeout.Infinite, cancelled).ContinueWith(_ => { }, TaskScheduler.Default) : Task.CompletedTask;
        await using var bed = new StoreBed(registry: StoreBed.Hasty with { Stall = TimeSpan.FromMilliseconds(300) });

        var said = await PullAsync(bed);

        Assert.Equal("success", said[^1].Status);
        Assert.True(held > 2);
    }

    [Fact]
    public async Task Two_who_want_one_model_share_one_transfer_and_it_ends_with_the_last_of_them()
    {
        var first = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        _registry.Between = (digest, _, _) =>
        {
            if (digest != _digest)
                return Task.CompletedTask;
            first.TrySetResult();
            return go.Task;
        };
        await using var bed = new StoreBed();
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var one = StoreBed.AllAsync(bed.Store.PullAsync(new TransferRequest { Model = Name }, leave.Token), leave.Token);
        await first.Task.WaitAsync(Token);
        var two = PullAsync(bed);

        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        go.SetResult();
        var said = await two;

        Assert.Equal("pulling manifest", said[0].Status);
        Assert.Equal("success", said[^1].Status);
        Assert.Single(_registry.Requests, request => request.Contains("/manifests/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_not_there_or_not_reachable_is_told_in_Ollamas_words()
    {
        await using var bed = new StoreBed();

        var missing = await Assert.ThrowsAsync<RegistryModelNotFoundException>(() => PullAsync(bed, $"{_registry.Authority}/library/none", insecure: true));
        var refused = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed, "http://127.0.0.1:9/library/zz"));

        Assert.Equal("pull model manifest: file does not exist", missing.Message);
        Assert.Equal("pull model manifest: Get \"http://127.0.0.1:9/v2/library/zz/manifests/latest\": dial tcp 127.0.0.1:9: connect: connection refused", refused.Message);
    }

    [Fact]
    public async Task A_registry_that_is_busy_is_asked_again()
    {
        _registry.Failures.Enqueue(("/manifests/", 503));
        _registry.Failures.Enqueue(("/blobs/", 500));
        await using var bed = new StoreBed();

        Assert.Equal("success", (await PullAsync(bed))[^1].Status);
    }

    [Fact]
    public async Task What_is_pushed_can_be_pulled()
    {
        await using var bed = new StoreBed();
        var name = $"{_registry.Authority}/me/kind:1";
        await bed.CreateAsync(new CreateRequest { Model = name, From = "mini", System = "Be kind." });

        var said = await StoreBed.AllAsync(bed.Store.PushAsync(new TransferRequest { Model = name, Insecure = true }, Token));
        await bed.Store.DeleteAsync(name, Token);
        await PullAsync(bed, name, insecure: true);

        Assert.Equal(["retrieving manifest", "pushing manifest", "success"], said.Where(step => step.Digest is null).Select(step => step.Status));
        Assert.Contains(said, step => step.Status == $"pushing {_digest[7..19]}");
        Assert.Equal("Be kind.", bed.Models.Find(name, Token).System);
    }

    [Fact]
    public async Task A_push_of_what_is_not_there_or_is_a_mere_file_says_so()
    {
        await using var bed = new StoreBed();

        await Assert.ThrowsAsync<ModelNotFoundException>(() => StoreBed.AllAsync(bed.Store.PushAsync(new TransferRequest { Model = "nope" }, Token)));
        var file = await Assert.ThrowsAsync<InvalidRequestException>(() => StoreBed.AllAsync(bed.Store.PushAsync(new TransferRequest { Model = "mini" }, Token)));

        Assert.Contains("create a model from it first", file.Message);
    }

    [Theory]
    [InlineData("Bearer realm=\"https://a/token\",service=\"b, c\",scope=\"x:pull y:pull\"", "https://a/token?service=b%2C%20c&scope=x%3Apull&scope=y%3Apull")]
    [InlineData("bearer realm=https://a/t?q=1, service=b", "https://a/t?q=1&service=b")]
    [InlineData("Basic realm=\"https://a\"", null)]
    [InlineData("Bearer realm=\"file:///etc/passwd\"", null)]
    [InlineData("Bearer realm=\"https://a", "https://a/")]
    [InlineData("Bearer ", null)]
    [InlineData("Bearer =,=\"", null)]
    public void A_challenge_is_read_as_it_comes(string header, string? address) =>
        Assert.Equal(address, BearerChallenge.Parse(header)?.TokenAddress.AbsoluteUri);

    private Task<List<ModelProgress>> PullAsync(StoreBed bed, string? name = null, bool insecure = false) =>
        StoreBed.AllAsync(bed.Store.PullAsync(new TransferRequest { Model = name ?? Name, Insecure = insecure }, Token));

    /// <summary>Pulls until so many bytes have come, and leaves.</summary>
    private async Task CancelAfterAsync(StoreBed bed, long bytes, CancellationTokenSource stop)
    {
        _registry.Between = async (digest, sent, cancelled) =>
        {
            if (digest == _digest && _registry.Requests.Count(request => request.Contains(digest, StringComparison.Ordinal)) > 1 && sent >= bytes - (256 << 10))
                await Task.Delay(Timeout.Infinite, cancelled).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var step in bed.Store.PullAsync(new TransferRequest { Model = Name }, stop.Token).WithCancellation(stop.Token))
            {
                if (step.Digest == _digest && step.Completed >= 256 << 10)
                    await stop.CancelAsync();
            }
        });
        _registry.Between = (_, _, _) => Task.CompletedTask;
    }
}
