using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;

namespace Chasqui.Engines.Tests.Models.Managed;

public sealed class ManagedStoreTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_model_of_a_folder_is_taken_in_and_stays_where_it_is()
    {
        await using var bed = new StoreBed();

        var said = await bed.CreateAsync(new CreateRequest
        {
            Model = "kind",
            From = "mini",
            System = "Be kind.",
            Licenses = ["ONE", "TWO"],
            Parameters = JsonElement.Parse("""{"temperature": 0, "seed": 7, "bogus": "x"}"""),
            Messages = [new ChatMessage { Role = "user", Content = "Hi!" }],
        });

        var model = bed.Models.Find("kind", Token);
        Assert.Equal("success", said[^1].Status);
        Assert.Contains(said, step => step.Status == "using autodetected template chatml");
        Assert.Equal(("Be kind.", 7, 0f), (model.System, model.Parameters.Seed, model.Parameters.Temperature));
        Assert.Equal(["ONE", "TWO"], model.Licenses);
        Assert.Equal("Hi!", Assert.Single(model.Messages).Content);
        Assert.Equal("mini:latest", model.Summary.Details.ParentModel);
        Assert.Contains("bogus", model.RawParameters.Select(p => p.Key));
        Assert.StartsWith(bed.Folder, model.Path);
        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.Gguf, Token));
        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(model.Path, Token));
    }

    [Fact]
    public async Task An_upload_becomes_a_model_with_the_words_of_Ollama_and_a_second_time_nothing_is_new()
    {
        await using var bed = new StoreBed();
        var digest = RegistryDouble.DigestOf(StoreBed.Mini);
        Assert.False(await bed.Store.HasBlobAsync(digest, Token));
        await bed.Store.WriteBlobAsync(digest, new MemoryStream(StoreBed.Mini), Token);
        Assert.True(await bed.Store.HasBlobAsync(digest, Token));
        var request = new CreateRequest { Model = "up", Files = new Dictionary<string, string> { ["a.gguf"] = digest } };

        var first = await bed.CreateAsync(request);
        var second = await bed.CreateAsync(request);

        // The digest of the parameters is that of a real Ollama, to the byte.
        Assert.Equal(
            [
                "parsing GGUF", "verifying conversion", $"creating new layer {digest}", "using autodetected template chatml",
                "creating new layer sha256:f02dd72bb2423204352eabc5637b44d79d17f109fdb510a7c51455892aa2d216", "writing manifest", "success",
            ],
            first.Select(step => step.Status));
        Assert.Equal(first.Select(step => step.Status.Replace("creating new", "using existing", StringComparison.Ordinal)), second.Select(step => step.Status));
        Assert.Equal(4, bed.Blobs.Count);
    }

    [Fact]
    public async Task A_model_made_of_a_model_keeps_what_is_not_said_anew()
    {
        await using var bed = new StoreBed();
        await bed.CreateAsync(new CreateRequest { Model = "a", From = "mini", System = "One.", Parameters = JsonElement.Parse("""{"seed": 1, "top_k": 5}""") });

        await bed.CreateAsync(new CreateRequest { Model = "b", From = "a", Template = "{{ .Prompt }}!", Parameters = JsonElement.Parse("""{"seed": 2}""") });

        var model = bed.Models.Find("b", Token);
        Assert.Equal(("One.", "{{ .Prompt }}!", 2, 5), (model.System, model.Template, model.Parameters.Seed, model.Parameters.TopK));
        Assert.Equal(["<|im_start|>", "<|im_end|>"], model.Parameters.Stop!);
    }

    [Fact]
    public async Task Bytes_that_are_not_what_their_digest_says_leave_nothing()
    {
        await using var bed = new StoreBed();
        var wrong = "sha256:" + new string('0', 64);

        var e = await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Store.WriteBlobAsync(wrong, new MemoryStream("hello"u8.ToArray()), Token));

        Assert.StartsWith($"digest mismatch, expected \"{wrong}\", got \"sha256:2cf24d", e.Message);
        Assert.Empty(bed.Blobs);
    }

    [Fact]
    public async Task A_blob_goes_with_the_last_model_that_names_it()
    {
        await using var bed = new StoreBed();
        await bed.CreateAsync(new CreateRequest { Model = "a", From = "mini" });
        await bed.Store.CopyAsync("a", "me/b:v2", Token);
        var blobs = bed.Blobs;

        await bed.Store.DeleteAsync("A", Token);
        Assert.Equal(blobs, bed.Blobs);
        Assert.Equal(["me/b:v2", "mini:latest"], bed.Models.List(Token).Select(m => m.Name).Order(StringComparer.Ordinal));

        await bed.Store.DeleteAsync("me/b:v2", Token);
        Assert.Empty(bed.Blobs);
        Assert.Empty(Directory.GetDirectories(Path.Combine(bed.Folder, "manifests")));
        Assert.True(File.Exists(bed.Gguf));
    }

    [Fact]
    public async Task What_is_only_read_is_not_removed_and_the_error_says_where_it_is()
    {
        await using var bed = new StoreBed();
        var manifest = bed.Ollama.Manifest("registry.ollama.ai/library/theirs/latest", null, bed.Ollama.Layer("model", StoreBed.Mini));

        var file = await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Store.DeleteAsync("mini", Token));
        var theirs = await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Store.DeleteAsync("theirs", Token));
        var none = await Assert.ThrowsAsync<ModelNotFoundException>(() => bed.Store.DeleteAsync("thiers", Token));

        Assert.Contains(bed.Gguf, file.Message);
        Assert.Contains(manifest, theirs.Message);
        Assert.Equal(["theirs:latest"], none.Suggestions);
        Assert.True(File.Exists(manifest));
    }

    [Fact]
    public async Task A_copy_of_Ollamas_model_is_ours_and_theirs_stays()
    {
        await using var bed = new StoreBed();
        bed.Ollama.Manifest("registry.ollama.ai/library/theirs/latest", null, bed.Ollama.Layer("model", StoreBed.Mini), bed.Ollama.Layer("system", "Hm."));

        await bed.Store.CopyAsync("theirs", "ours", Token);
        await bed.Store.CopyAsync("mini", "mini", Token);

        Assert.Equal("Hm.", bed.Models.Find("ours", Token).System);
        Assert.StartsWith(bed.Folder, bed.Models.Find("ours", Token).Path);
        await bed.Store.DeleteAsync("ours", Token);
        Assert.Equal("Hm.", bed.Models.Find("theirs", Token).System);
        Assert.Equal(StoreBed.Mini, await File.ReadAllBytesAsync(bed.Models.Find("theirs", Token).Path, Token));
    }

    [Theory]
    [InlineData("../../x")]
    [InlineData("a/../b")]
    [InlineData("..")]
    [InlineData("a:../../b")]
    [InlineData("/etc/passwd")]
    [InlineData("a\\..\\b")]
    public async Task A_name_that_would_leave_the_folder_is_refused_everywhere(string name)
    {
        await using var bed = new StoreBed();
        var before = Directory.GetFileSystemEntries(bed.Root).Length;

        await Assert.ThrowsAsync<InvalidModelNameException>(() => bed.CreateAsync(new CreateRequest { Model = name, From = "mini" }));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => bed.CreateAsync(new CreateRequest { Model = "x", From = name }));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => bed.Store.CopyAsync("mini", name, Token));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => bed.Store.CopyAsync(name, "x", Token));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => bed.Store.DeleteAsync(name, Token));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => StoreBed.AllAsync(bed.Store.PullAsync(new TransferRequest { Model = name }, Token)));
        await Assert.ThrowsAsync<InvalidModelNameException>(() => StoreBed.AllAsync(bed.Store.PushAsync(new TransferRequest { Model = name }, Token)));
        await Assert.ThrowsAsync<InvalidRequestException>(() => bed.Store.HasBlobAsync($"sha256:../../{new string('a', 58)}", Token));

        Assert.Equal(before, Directory.GetFileSystemEntries(bed.Root).Length);
    }

    [Theory]
    [InlineData("""{"adapters": {"a": "sha256:00"}, "from": "mini"}""", "adapters")]
    [InlineData("""{"files": {"model.safetensors": "sha256:00"}}""", "safetensors")]
    [InlineData("""{"from": "mini", "quantize": "q4_K_M"}""", "\"quantize\" is Q4_K_M, but the weights are Q8_0")]
    [InlineData("""{"from": "mini", "quantize": "q9_9"}""", "unsupported quantization type Q9_9 - supported types are F32, F16, Q4_K_S, Q4_K_M, Q8_0")]
    [InlineData("""{}""", "neither 'from' or 'files' was specified")]
    [InlineData("""{"from": "mini", "template": "{{ .Prompt"}""", "unclosed action")]
    [InlineData("""{"files": {"a.gguf": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}""", "upload it first")]
    public async Task What_cannot_be_made_is_refused_by_name(string json, string says)
    {
        await using var bed = new StoreBed();
        var fields = JsonSerializer.Deserialize<CreateRequest>($"{{\"Model\": \"x\", {json[1..]}".Replace(", }", "}", StringComparison.Ordinal), JsonSerializerOptions.Web)!;

        var e = await Assert.ThrowsAnyAsync<InvalidRequestException>(() => bed.CreateAsync(fields));

        Assert.Contains(says, e.Message);
        Assert.DoesNotContain(bed.Models.List(Token), m => m.Name == "x:latest");
    }

    [Fact]
    public async Task The_same_number_format_is_no_conversion()
    {
        await using var bed = new StoreBed();
        await bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", Quantize = "q8_0" });
        Assert.Equal("Q8_0", bed.Models.Find("x", Token).Summary.Details.QuantizationLevel);
    }

    [Fact]
    public async Task An_upload_waits_a_day_for_its_model()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var bed = new StoreBed(time);
        var bytes = Encoding.UTF8.GetBytes("not yet needed");
        var digest = RegistryDouble.DigestOf(bytes);
        await bed.Store.WriteBlobAsync(digest, new MemoryStream(bytes), Token);

        time.Advance(TimeSpan.FromHours(23));
        await bed.CreateAsync(new CreateRequest { Model = "a", From = "mini" });
        Assert.True(File.Exists(bed.BlobPath(digest)));

        time.Advance(TimeSpan.FromHours(2));
        await bed.CreateAsync(new CreateRequest { Model = "b", From = "mini" });
        Assert.False(File.Exists(bed.BlobPath(digest)));
        Assert.Equal(2, bed.Models.List(Token).Count(m => m.Name is "a:latest" or "b:latest"));
    }

    [Fact]
    public async Task Nothing_is_swept_while_a_manifest_cannot_be_read()
    {
        await using var bed = new StoreBed();
        await bed.CreateAsync(new CreateRequest { Model = "a", From = "mini" });
        await bed.CreateAsync(new CreateRequest { Model = "b", From = "mini", System = "Another." });
        await File.WriteAllTextAsync(Path.Combine(bed.Folder, "manifests", "registry.ollama.ai", "library", "a", "latest"), "{", Token);
        var blobs = bed.Blobs;

        await bed.Store.DeleteAsync("b", Token);

        Assert.Equal(blobs, bed.Blobs);
    }

    [Fact]
    public async Task A_model_replaced_within_a_tick_of_the_clock_is_seen()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var bed = new StoreBed(time);
        foreach (var system in (string[])["aaa", "bbb", "ccc"])
        {
            await bed.CreateAsync(new CreateRequest { Model = "x", From = "mini", System = system });
            Assert.Equal(system, bed.Models.Find("x", Token).System);
        }
    }

    [Fact]
    public async Task Many_at_once_leave_every_model_whole()
    {
        await using var bed = new StoreBed();
        // As in another process: a store of its own over the same folder.
        await using var other = new StoreBed(folder: new TemporaryFolder(bed.Root));

        await Task.WhenAll(Enumerable.Range(0, 24).Select(async i =>
        {
            var store = i % 2 == 0 ? bed : other;
            await store.CreateAsync(new CreateRequest { Model = $"m{i % 6}", From = "mini", System = $"s{i % 3}" });
            if (i % 4 == 0)
            {
                try
                {
                    await store.Store.DeleteAsync($"m{i % 6}", Token);
                }
                catch (ModelNotFoundException)
                {
                    // Another was quicker.
                }
            }
        }));

        foreach (var model in bed.Models.List(Token).Where(m => m.Name.StartsWith('m')))
            Assert.Equal(StoreBed.Mini.Length, new FileInfo(bed.Models.Find(model.Name, Token).Path).Length);
        Assert.DoesNotContain(bed.Blobs, blob => blob.StartsWith(".tmp", StringComparison.Ordinal));
    }
}
