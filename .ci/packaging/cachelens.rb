# A formula for a Homebrew tap. Replace VERSION and SHA256 by those of the tag's source archive:
#
#   sed -e "s/VERSION/0.1.0/" -e "s/SHA256/$(sha256sum cachelens.tar.gz | cut -d' ' -f1)/" .ci/packaging/cachelens.rb
class Cachelens < Formula
  desc "Opens, explains and prunes BuildKit remote caches"
  homepage "https://github.com/cachelens/cachelens"
  url "https://github.com/cachelens/cachelens/archive/refs/tags/vVERSION.tar.gz"
  sha256 "SHA256"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build
  depends_on :linux

  def install
    system "cargo", "install", *std_cargo_args
    generate_completions_from_executable(bin/"cachelens", "completions")
    system bin/"cachelens", "man", "--out", buildpath/"man"
    man1.install Dir["man/*.1"]
    man7.install Dir["man/*.7"]
    # `docker cachelens` works where docker looks for plugins in Homebrew's directory.
    (lib/"docker/cli-plugins").install_symlink bin/"cachelens" => "docker-cachelens"
  end

  test do
    assert_match "9 refs", shell_output("#{bin}/cachelens du demo")
  end
end
