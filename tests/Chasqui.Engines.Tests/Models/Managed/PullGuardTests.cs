using Chasqui.Engines.Models.Managed;

namespace Chasqui.Engines.Tests.Models.Managed;

/// <summary>Pulls that would reach what the caller may not, or take what the machine has not got.</summary>
public sealed class PullGuardTests : IAsyncLifetime
{
    private RegistryDouble _registry = null!;
    private RegistryDouble _inside = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _registry = await RegistryDouble.StartAsync();
        _inside = await RegistryDouble.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        await _inside.DisposeAsync();
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("127.1")]
    public async Task A_private_address_is_not_connected_to_by_number_or_by_name(string host)
    {
        _registry.Add("library/small", "1", StoreBed.Mini);
        await using var bed = new StoreBed(registries: []);

        var failure = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed, _registry.Authority.Replace("127.0.0.1", host, StringComparison.Ordinal)));

        Assert.Contains("is on a private address", failure.Message);
        Assert.Empty(_registry.Requests);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_registry_cannot_send_the_gateway_to_another_private_address(bool token)
    {
        (_registry.WantsToken, _registry.Redirects, _registry.Elsewhere) = (token, true, _inside.Authority);
        _registry.Add("library/small", "1", StoreBed.Mini);
        await using var bed = new StoreBed(registries: [_registry.Authority]);

        var failure = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed, _registry.Authority));

        Assert.Contains("is on a private address", failure.Message);
        Assert.NotEmpty(_registry.Requests);
        Assert.Empty(_inside.Requests);
    }

    [Fact]
    public async Task What_another_server_says_of_an_error_is_not_told()
    {
        _registry.Failures.Enqueue(("/manifests/", 403));
        await using var bed = new StoreBed();

        var failure = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed, _registry.Authority));

        Assert.Equal("pull model manifest: the registry answered with status 403", failure.Message);
    }

    [Theory]
    [InlineData(1L << 41, "but at most 1099511627776 are allowed")]
    [InlineData(long.MaxValue / 2, "add up to more than can be counted")]
    [InlineData(-1L, "negative size")]
    public async Task Sizes_that_cannot_be_are_refused_before_anything_is_fetched(long size, string expected)
    {
        _registry.Size = _ => size;
        _registry.Add("library/small", "1", StoreBed.Mini);
        await using var bed = new StoreBed();

        var failure = await Assert.ThrowsAnyAsync<EngineException>(() => PullAsync(bed, _registry.Authority));

        Assert.Contains(expected, failure.Message);
        Assert.Empty(bed.Blobs);
        Assert.DoesNotContain(_registry.Requests, request => request.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_disk_has_no_room_for_is_refused_as_a_whole_before_anything_is_fetched()
    {
        _registry.Size = _ => 1L << 48;
        _registry.Add("library/small", "1", StoreBed.Mini);
        await using var bed = new StoreBed(registry: StoreBed.Hasty with { PartBytes = 1L << 44 }, most: 1L << 50);

        var failure = await Assert.ThrowsAsync<EngineFailedException>(() => PullAsync(bed, _registry.Authority));

        Assert.Contains("no space left on the disk of the model store", failure.Message);
        Assert.Empty(bed.Blobs);
    }

    [Fact]
    public async Task An_upload_that_is_larger_than_a_model_may_be_ends_and_leaves_nothing()
    {
        await using var bed = new StoreBed(most: 1000);

        var failure = await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Store.WriteBlobAsync(RegistryDouble.DigestOf(StoreBed.Mini), new MemoryStream(StoreBed.Mini), Token));

        Assert.Contains("but at most 1000 are allowed (Models:MaxBytes)", failure.Message);
        Assert.Empty(bed.Blobs);
    }

    [Theory]
    [InlineData("registry.ollama.ai", true)]
    [InlineData("hf.co", true)]
    [InlineData("HF.co:443", true)]
    [InlineData("hf.co:8443", false)]
    [InlineData("x.hf.co", false)]
    [InlineData("localhost:5000", false)]
    [InlineData("127.0.0.1", false)]
    public void Only_registries_that_are_listed_are_asked(string host, bool allowed)
    {
        var failure = Record.Exception(() => RegistryList.Ensure($"{host}/library/x:1", RegistryList.Default));
        Assert.Equal(allowed, failure is null);
        Assert.True(failure is null or InvalidRequestException);
        RegistryList.Ensure($"{host}/library/x:1", ["*"]);
        RegistryList.Ensure($"{host}/library/x:1", [host]);
        RegistryList.Ensure("mini", RegistryList.Default);
    }

    [Theory]
    [InlineData("""{"temperature":"hot"}""", "the parameter \"temperature\" must be a number")]
    [InlineData("""{"num_ctx":true}""", "the parameter \"num_ctx\" must be a number")]
    [InlineData("""{"num_ctx":-5}""", "num_ctx")]
    [InlineData("""{"stop":7}""", "the parameter \"stop\" must be a text or a list of texts")]
    [InlineData("""{"stop":[7]}""", "the parameter \"stop\" must be a text or a list of texts")]
    [InlineData("""{"top_p":7}""", "top_p")]
    public async Task A_parameter_that_could_not_be_used_is_refused_when_a_model_is_made(string parameters, string expected)
    {
        await using var bed = new StoreBed();
        var request = new CreateRequest { Model = "made", From = "mini", Parameters = System.Text.Json.JsonElement.Parse(parameters) };

        var failure = await Assert.ThrowsAnyAsync<InvalidRequestException>(() => bed.CreateAsync(request));

        Assert.Contains(expected, failure.Message);
        Assert.Empty(bed.Blobs);
    }

    [Fact]
    public async Task Parameters_that_are_right_or_not_known_are_kept()
    {
        await using var bed = new StoreBed();
        await bed.CreateAsync(new CreateRequest { Model = "made", From = "mini", Parameters = System.Text.Json.JsonElement.Parse("""{"temperature":0.5,"stop":"a","num_ctx":2048.0,"top_k":null,"new_one":[1]}""") });
        Assert.Equal((0.5f, 2048), (bed.Models.Find("made", Token).Parameters.Temperature, bed.Models.Find("made", Token).Parameters.NumCtx));
    }

    private static Task<List<ModelProgress>> PullAsync(StoreBed bed, string authority) =>
        StoreBed.AllAsync(bed.Store.PullAsync(new TransferRequest { Model = $"http://{authority}/library/small:1", Insecure = true }, Token));
}
