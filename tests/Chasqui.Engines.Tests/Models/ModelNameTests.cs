using Chasqui.Engines.Models;
using CsCheck;

namespace Chasqui.Engines.Tests.Models;

public sealed class ModelNameTests
{
    [Theory]
    [InlineData("mini", "mini:latest", "registry.ollama.ai/library/mini:latest")]
    [InlineData("mini:v2", "mini:v2", "registry.ollama.ai/library/mini:v2")]
    [InlineData("library/mini", "mini:latest", "registry.ollama.ai/library/mini:latest")]
    [InlineData("me/mini:v2", "me/mini:v2", "registry.ollama.ai/me/mini:v2")]
    [InlineData("Registry.Ollama.AI/Library/Mini:V1", "Mini:V1", "registry.ollama.ai/library/Mini:V1")]
    [InlineData("localhost:5000/me/mini", "localhost:5000/me/mini:latest", "localhost:5000/me/mini:latest")]
    [InlineData("https://hf.co/me/mini:Q4_K_M", "hf.co/me/mini:Q4_K_M", "hf.co/me/mini:Q4_K_M")]
    [InlineData("_a.b-c_d:1.0-x", "_a.b-c_d:1.0-x", "registry.ollama.ai/library/_a.b-c_d:1.0-x")]
    public void A_name_is_filled_in_and_shown_short(string text, string shown, string full)
    {
        var name = ModelName.Parse(text);
        Assert.Equal(shown, name.Short);
        Assert.Equal(full, name.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData(":latest")]
    [InlineData("mini:")]
    [InlineData("/mini")]
    [InlineData("me/")]
    [InlineData("../mini")]
    [InlineData("mini:..")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("me/../../etc/passwd")]
    [InlineData("a/b/c/d")]
    [InlineData("a.b/mini")]
    [InlineData("-mini")]
    [InlineData("mini\0")]
    [InlineData("mini\\x")]
    [InlineData("minü")]
    [InlineData("mini@sha256:abc")]
    [InlineData("x://mini://registry.ollama.ai/library/secret")]
    [InlineData("ftp://mini")]
    [InlineData("https://https://mini")]
    [InlineData("registry.ollama.ai//mini")]
    public void A_name_of_another_form_is_refused(string text) =>
        Assert.Equal(text, Assert.Throws<InvalidModelNameException>(() => ModelName.Parse(text)).Model);

    [Fact]
    public void A_part_may_have_80_characters_and_a_host_350()
    {
        Assert.True(ModelName.TryParse(new string('m', 80), out _));
        Assert.False(ModelName.TryParse(new string('m', 81), out _));
        Assert.False(ModelName.TryParse("m:" + new string('t', 81), out _));
        Assert.True(ModelName.TryParse(new string('h', 350) + "/n/m", out _));
        Assert.False(ModelName.TryParse(new string('h', 351) + "/n/m", out _));
    }

    [Fact]
    public void A_refusal_does_not_repeat_a_megabyte() =>
        Assert.True(Assert.Throws<InvalidModelNameException>(() => ModelName.Parse(new string('x', 1 << 20))).Message.Length < 300);

    [Fact]
    public void Names_are_equal_without_regard_to_case()
    {
        Assert.Equal(ModelName.Parse("Mini-Case:V1"), ModelName.Parse("library/MINI-case:v1"));
        Assert.Equal(ModelName.Parse("Mini-Case:V1").GetHashCode(), ModelName.Parse("MINI-case:v1").GetHashCode());
        Assert.NotEqual(ModelName.Parse("mini"), ModelName.Parse("me/mini"));
    }

    [Theory]
    [InlineData("mini.gguf", "mini:latest")]
    [InlineData("foo-Q4_K_M.gguf", "foo-Q4_K_M:latest")]
    [InlineData("My  model (1).GGUF", "My-model-1:latest")]
    [InlineData("big-00001-of-00003.gguf", "big:latest")]
    [InlineData("..hidden.gguf", "hidden:latest")]
    [InlineData("größe.gguf", "gr-e:latest")]
    public void A_file_has_a_name(string file, string shown)
    {
        Assert.True(ModelName.TryFromFile(file, out var name));
        Assert.Equal(shown, name.Short);
    }

    [Theory]
    [InlineData(".gguf")]
    [InlineData("---.gguf")]
    [InlineData("模型.gguf")]
    public void A_file_whose_name_has_nothing_to_keep_has_none(string file) => Assert.False(ModelName.TryFromFile(file, out _));

    private static readonly string[] _pieces =
        ["a", "B", "9", "_", "-", ".", "..", "/", "//", ":", "\\", "mini", "library", " ", "@", "\0", "~"];

    private static readonly Gen<string> _texts = Gen.OneOf(
        Gen.String, Gen.Int[0, _pieces.Length - 1].Array[0, 12].Select(picks => string.Concat(picks.Select(i => _pieces[i]))));

    [Fact]
    public void What_is_shown_means_the_same_name() => _texts.Sample(text =>
    {
        if (ModelName.TryParse(text, out var name))
        {
            Assert.Equal(name, ModelName.Parse(name.Short));
            Assert.Equal(name, ModelName.Parse(name.ToString()));
            Assert.Equal(name.Short, ModelName.Parse(name.Short).Short);
        }
    }, iter: 20_000);

    [Fact]
    public void No_name_leads_out_of_a_folder()
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "root")) + Path.DirectorySeparatorChar;
        _texts.Sample(text =>
        {
            if (!ModelName.TryParse(text, out var name))
                return;
            Assert.False(Path.IsPathRooted(name.RelativePath));
            var full = Path.GetFullPath(Path.Combine(root, name.RelativePath));
            Assert.StartsWith(root, full, StringComparison.Ordinal);
            Assert.Equal(4, full[root.Length..].Split(Path.DirectorySeparatorChar).Length);
        }, iter: 20_000);
    }

    [Fact]
    public void The_name_of_any_file_is_a_name() => _texts.Sample(text =>
    {
        if (ModelName.TryFromFile(text + ".gguf", out var name))
            Assert.Equal(name, ModelName.Parse(name.Short));
    }, iter: 20_000);
}
