using System.Security.Cryptography;
using Chasqui.Engines.Models;

namespace Chasqui.Engines.Tests.Models;

public sealed class OllamaStoreTests : IDisposable
{
    private const string Template = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n";

    private readonly TemporaryFolder _folder = new();
    private readonly ListLogger<ModelStore> _log = new();
    private readonly OllamaStoreBuilder _ollama;

    public OllamaStoreTests() => _ollama = new OllamaStoreBuilder(_folder.Path);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_pulled_model_is_described_from_all_its_layers()
    {
        var weights = GgufWriter.Llama().ToArray();
        var config = new { model_format = "gguf", model_family = "llama", model_families = new[] { "llama" }, model_type = "935K", file_type = "Q4_K_M" };
        var manifest = _ollama.Manifest(
            "registry.ollama.ai/library/mini-sys/latest", config,
            _ollama.Layer("model", weights, from: "mini:latest"),
            _ollama.Layer("template", Template),
            _ollama.Layer("system", "You are a helpful assistant."),
            _ollama.Layer("params", """{"num_predict":6,"seed":7,"stop":["<|im_end|>","zzz"],"temperature":0,"bogus":[1,{"a":null}],"top_p":5,"num_ctx":2.9}"""),
            _ollama.Layer("license", "LICENSE ONE"),
            _ollama.Layer("license", "LICENSE TWO"),
            _ollama.Layer("messages", """[{"role":"user","content":"Hi!"},{"role":"assistant","content":"Hello!"}]"""));

        var opened = Store().Open("mini-sys", Token);
        var model = opened.Description;

        Assert.Equal("mini-sys:latest", model.Summary.Name);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(manifest))), model.Summary.Digest);
        Assert.Equal(new DirectoryInfo(Path.Combine(_folder.Path, "blobs")).EnumerateFiles().Sum(f => f.Length), model.Summary.SizeBytes);
        Assert.Equal(
            new ModelDetails
            {
                ParentModel = "mini:latest",
                Family = "llama",
                ParameterSize = "935K",
                QuantizationLevel = "Q4_K_M",
                ContextLength = 256,
                EmbeddingLength = 32,
            },
            model.Summary.Details);
        Assert.Equal(["completion"], model.Summary.Capabilities);
        Assert.Equal(_ollama.BlobPath("sha256:" + Convert.ToHexStringLower(SHA256.HashData(weights))), model.Path);
        Assert.Equal(Template, model.Template);
        Assert.True(model.TemplateIsGo);
        Assert.Equal("You are a helpful assistant.", model.System);
        Assert.Equal(["LICENSE ONE", "LICENSE TWO"], model.Licenses);
        Assert.Equal([("user", "Hi!"), ("assistant", "Hello!")], model.Messages.Select(m => (m.Role, m.Content)));
        Assert.Equal(6, model.Parameters.NumPredict);
        Assert.Equal(7, model.Parameters.Seed);
        Assert.Equal(0f, model.Parameters.Temperature);
        Assert.Equal(2, model.Parameters.NumCtx);
        Assert.Null(model.Parameters.TopP);
        Assert.Equal(["<|im_end|>", "zzz"], model.Parameters.Stop);
        Assert.Equal(["num_predict", "seed", "stop", "temperature", "bogus", "top_p", "num_ctx"], model.RawParameters.Select(p => p.Key));
        Assert.Equal("""[1,{"a":null}]""", model.RawParameters[4].Value.ToJsonString());
        Assert.Equal(2, opened.Notes.Count);
        model.Parameters.Validate();
    }

    [Fact]
    public void Without_a_template_layer_the_file_s_own_is_used()
    {
        _ollama.Manifest("registry.ollama.ai/library/plain/latest", null, _ollama.Layer("model", GgufWriter.Llama().ToArray()));
        var model = Store().Find("plain", Token);
        Assert.False(model.TemplateIsGo);
        Assert.StartsWith("{% for", model.Template, StringComparison.Ordinal);
        Assert.Equal("Q8_0", model.Summary.Details.QuantizationLevel);
        Assert.Equal("1K", model.Summary.Details.ParameterSize);
    }

    [Fact]
    public void Names_keep_their_case_and_are_found_in_any()
    {
        var layer = _ollama.Layer("model", GgufWriter.Llama().ToArray());
        _ollama.Manifest("registry.ollama.ai/library/Mini-Case/V1", null, layer);
        _ollama.Manifest("registry.ollama.ai/me/mini/v2", null, layer);
        _ollama.Manifest("hf.co/me/mini/Q4_K_M", null, layer);
        Assert.Equal(
            ["hf.co/me/mini:Q4_K_M", "me/mini:v2", "Mini-Case:V1"],
            Store().List(Token).Select(m => m.Name).Order(StringComparer.OrdinalIgnoreCase));
        Assert.Equal("Mini-Case:V1", Store().Find("MINI-case:v1", Token).Summary.Name);
    }

    [Fact]
    public void Adapters_and_projectors_are_listed_and_noted()
    {
        _ollama.Manifest(
            "registry.ollama.ai/library/see/latest", null,
            _ollama.Layer("model", GgufWriter.Llama().ToArray()), _ollama.Layer("adapter", "a"), _ollama.Layer("projector", "p"));
        var opened = Store().Open("see", Token);
        Assert.Single(opened.AdapterPaths);
        Assert.Single(opened.ProjectorPaths);
        Assert.Equal(2, opened.Notes.Count);
        Assert.Equal(["completion", "vision"], opened.Description.Summary.Capabilities);
    }

    public static TheoryData<string, string> Wrong() => new()
    {
        { "not json", "manifest is not JSON" },
        { "[]", "no list of layers" },
        { """{"layers":{}}""", "no list of layers" },
        { """{"layers":[7]}""", "is not an object" },
        { """{"layers":[]}""", "names no weights" },
        { """{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:abc"}]}""", "not sha256: and 64" },
        { """{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:../../../../../../../../../../../../../../../../../../etc/passwd/xxx"}]}""", "not sha256: and 64" },
        { """{"layers":[{"mediaType":"application/vnd.ollama.image.model"}]}""", "not sha256: and 64" },
        { """{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":-1}]}""", "negative size" },
        { """{"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"}]}""", "is missing" },
        { """{"config":{"digest":"../config"},"layers":[]}""", "not sha256: and 64" },
        { new string(' ', (4 << 20) + 1) + """{"layers":[]}""", "at most 4194304" },
        { new string('[', 100_000), "manifest is not JSON" },
        { "", "manifest is not JSON" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_manifest_that_is_wrong_is_left_out_and_says_why(string manifest, string says)
    {
        _ollama.ManifestText("registry.ollama.ai/library/wrong/latest", manifest);
        var error = Assert.Throws<ModelLoadException>(() => Store().Find("wrong", Token));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Empty(Store().List(Token));
        Assert.Contains(says, Assert.Single(_log.Lines).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("params", "{", "its list of parameters is not JSON")]
    [InlineData("messages", "{}", "is not an array")]
    public void A_layer_that_is_wrong_is_told(string kind, string text, string says)
    {
        _ollama.Manifest("registry.ollama.ai/library/w/latest", null, _ollama.Layer("model", GgufWriter.Llama().ToArray()), _ollama.Layer(kind, text));
        Assert.Contains(says, Assert.Throws<ModelLoadException>(() => Store().Find("w", Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_of_text_has_at_most_4_MiB()
    {
        _ollama.Manifest(
            "registry.ollama.ai/library/w/latest", null,
            _ollama.Layer("model", GgufWriter.Llama().ToArray()), _ollama.Layer("license", new string('x', (4 << 20) + 1)));
        Assert.Contains("a licence has 4194305 bytes", Assert.Throws<ModelLoadException>(() => Store().Find("w", Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_another_format_are_told()
    {
        _ollama.Manifest("registry.ollama.ai/library/w/latest", new { model_format = "safetensors" }, _ollama.Layer("model", "x"));
        Assert.Contains("\"safetensors\"", Assert.Throws<ModelLoadException>(() => Store().Find("w", Token)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_blob_that_goes_takes_its_model_along_and_one_that_comes_brings_it_back()
    {
        var store = Store();
        var weights = GgufWriter.Llama().ToArray();
        var system = "Be brief."u8.ToArray();
        _ollama.Manifest("registry.ollama.ai/library/a/latest", null, _ollama.Layer("model", weights), _ollama.Layer("system", system));
        Assert.Single(store.List(Token));
        Assert.Equal("Be brief.", store.Find("a", Token).System);
        File.Delete(_ollama.BlobPath("sha256:" + Convert.ToHexStringLower(SHA256.HashData(system))));
        Assert.Empty(store.List(Token));
        Assert.Contains("pull the model again", Assert.Throws<ModelLoadException>(() => store.Find("a", Token)).Message, StringComparison.Ordinal);
        _ollama.Blob(system);
        Assert.Single(store.List(Token));
        Assert.Equal("Be brief.", store.Find("a", Token).System);
    }

    [Fact]
    public void Files_whose_path_is_no_name_are_passed_over()
    {
        _ollama.ManifestText("registry.ollama.ai/library/mini/.hidden", "{}");
        _ollama.ManifestText("registry.ollama.ai/library/mi ni/latest", "{}");
        _ollama.ManifestText("registry.ollama.ai/latest", "{}");
        _ollama.ManifestText("stray", "{}");
        Assert.Empty(Store().List(Token));
        Assert.Empty(_log.Lines);
    }

    [Fact]
    public void A_file_in_a_folder_comes_before_Ollama_s_model_of_the_same_name()
    {
        var file = GgufWriter.Llama().Save(_folder.Make("own"), "mini.gguf");
        _ollama.Manifest("registry.ollama.ai/library/mini/latest", null, _ollama.Layer("model", GgufWriter.Llama().ToArray()));
        var store = new ModelStore(new ModelStoreOptions { Folders = [Path.GetDirectoryName(file)!], OllamaFolder = _folder.Path }, _log);
        Assert.Equal(file, store.Find("mini", Token).Path);
        Assert.Single(store.List(Token));
    }

    [Fact]
    public void The_folder_that_Ollama_uses_is_found()
    {
        static Func<string, bool> Only(string folder) => path => path == Path.Combine(folder, "manifests");
        var usual = Path.Combine("/home/me", ".ollama", "models");
        Assert.Equal("/data/models", OllamaFolder.Detect(n => n == "OLLAMA_MODELS" ? " \"/data/models\" " : null, "/home/me", _ => true));
        Assert.Equal(usual, OllamaFolder.Detect(_ => null, "/home/me", Only(usual)));
        Assert.Equal("/usr/share/ollama/.ollama/models", OllamaFolder.Detect(_ => "", "", Only("/usr/share/ollama/.ollama/models")));
        Assert.Null(OllamaFolder.Detect(_ => null, "/home/me", _ => false));
    }

    private ModelStore Store() => new(new ModelStoreOptions { OllamaFolder = _folder.Path }, _log);
}
